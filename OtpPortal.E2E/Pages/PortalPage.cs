using Deque.AxeCore.Commons;
using OtpPortal.E2E.Infrastructure;

namespace OtpPortal.E2E.Pages;

/// <summary>Base class for the pages of the portal.</summary>
public abstract class PortalPage(IPage page)
{
    private static readonly string s_axe = new BundledAxeScriptProvider().GetScript();

    public IPage Page => page;

    public ILocator Heading => page.Locator("h1");

    public ILocator Html => page.Locator("html");

    public ILocator ReconnectNotice => page.Locator("#components-reconnect-modal");

    public ILocator Language(string name) => page.Locator(".portal-languages").GetByRole(AriaRole.Button, new() { Name = name });

    /// <summary>Waits until the script is loaded completely and the circuit has started.</summary>
    public async Task BecomesInteractiveAsync()
    {
        await Assertions.Expect(page.Locator("html[data-portal=ready]")).ToBeAttachedAsync();
        var bytes = await page.EvaluateAsync<long>(
            "() => performance.getEntriesByType('resource').find(entry => "
                + "entry.name.includes('_framework/blazor.web'))?.decodedBodySize ?? 0");
        bytes.ShouldBeGreaterThan(100_000, "blazor.web.js was not served whole");
    }

    /// <summary>
    /// Runs an action that loads a page and waits for the new page, because input on the old page would be lost.
    /// </summary>
    public async Task NavigateByAsync(Func<Task> act)
    {
        await Html.EvaluateAsync("html => { html.dataset.left = ''; }");
        await act();
        await Assertions.Expect(page.Locator("html:not([data-left])")).ToBeAttachedAsync();
    }

    /// <summary>Returns whether the page scrolls horizontally.</summary>
    public Task<bool> ScrollsSidewaysAsync() =>
        page.EvaluateAsync<bool>("() => document.documentElement.scrollWidth > document.documentElement.clientWidth");

    /// <summary>Returns the accessibility violations that axe finds in the page and its frames.</summary>
    /// <param name="rule">The only rule to check; null checks all.</param>
    public async Task<IReadOnlyList<string>> AxeFindingsAsync(string name, string? rule = null)
    {
        var findings = new List<string>();
        foreach (var frame in page.Frames)
        {
            // The previews of the mailbox are sandboxed without scripts, so axe cannot run in them.
            if (frame.ParentFrame is not null && await (await frame.FrameElementAsync()).GetAttributeAsync("sandbox") is not null) continue;
            if (!await frame.EvaluateAsync<bool>("() => 'axe' in window")) await frame.EvaluateAsync(s_axe);
            var violations = await frame.EvaluateAsync<string[]>(
                """
                async rule => {
                    // axe cannot compare text with a gradient, only with the color below it.
                    const background = document.querySelector('.portal')?.style;
                    background?.setProperty('background-image', 'none');
                    const { violations } = await axe.run({ iframes: false, ...(rule && { runOnly: [rule] }) });
                    background?.removeProperty('background-image');
                    return violations.map(violation => [`${violation.id}: ${violation.help}`, ...violation.nodes.map(
                        node => `    ${node.html} — ${node.any.map(check => check.message).join('; ')}`)].join('\n'));
                }
                """, rule).WaitAsync(Until.DefaultTimeout);
            findings.AddRange(violations.Select(violation => $"{name}: {violation}"));
        }
        return findings;
    }
}

/// <summary>The address page.</summary>
public sealed class AddressPage(IPage page) : PortalPage(page)
{
    public ILocator Field => Page.Locator("#email");

    public ILocator Error => Page.Locator("#email-error");

    public ILocator Send => Page.Locator("form[action='/login'] button[type=submit]");

    public ILocator Notice => Page.Locator(".rz-alert");

    public ILocator Continue => Page.Locator("a[href='/login/code']");

    public static async Task<AddressPage> OpenAsync(BrowserUser user, string path = "/")
    {
        var page = new AddressPage(await user.OpenTabAsync());
        await page.Page.GotoAsync(path);
        return page;
    }

    /// <summary>Opens the page and waits until it is interactive.</summary>
    public static async Task<AddressPage> OpenInteractiveAsync(BrowserUser user, string path = "/")
    {
        var page = await OpenAsync(user, path);
        await page.BecomesInteractiveAsync();
        return page;
    }

    public async Task<CodePage> SendToAsync(string address)
    {
        await Field.FillAsync(address);
        await Send.ClickAsync();
        await Page.WaitForURLAsync("**/login/code");
        return new CodePage(Page);
    }
}

/// <summary>The code page, which also shows the end of a sign-in.</summary>
public sealed class CodePage(IPage page) : PortalPage(page)
{
    public ILocator Field => Page.Locator("#code");

    public ILocator Error => Page.Locator("#code-error");

    public ILocator Progress => Page.Locator(".portal-progress");

    public ILocator SignIn => Page.Locator("form[action='/login-otp'] button");

    public ILocator Resend => Page.Locator("form[action='/login/resend'] button");

    public ILocator OtherAddress => Page.Locator(".portal-actions a[href='/']");

    public ILocator StartAgain => Page.GetByRole(AriaRole.Link, new() { Name = "Start again" });

    /// <summary>Types the code, which submits automatically with JavaScript.</summary>
    public Task TypeAsync(string code) => Field.PressSequentiallyAsync(code);

    /// <summary>Inserts the text at once, like pasting from the clipboard.</summary>
    public async Task PasteAsync(string text)
    {
        await Field.FocusAsync();
        await Page.Keyboard.InsertTextAsync(text);
    }

    /// <summary>Enters the code and presses the button, as needed without JavaScript.</summary>
    public async Task SubmitAsync(string code)
    {
        await Field.FillAsync(code);
        await NavigateByAsync(() => SignIn.ClickAsync());
    }
}

/// <summary>The page that a sign-in link opens.</summary>
public sealed class LinkPage(IPage page) : PortalPage(page)
{
    public ILocator SignIn => Page.Locator("form[action='/login/link'] button");

    public static async Task<LinkPage> OpenAsync(BrowserUser user, string link)
    {
        var page = new LinkPage(await user.OpenTabAsync());
        await page.Page.GotoAsync(link);
        return page;
    }
}

/// <summary>The page that a magic link opens.</summary>
public sealed class MagicLinkPage(IPage page) : PortalPage(page)
{
    public ILocator Continue => Page.Locator("form[action='/magic-link'] button");
}

/// <summary>The page of a signed-in user with the list of devices.</summary>
public sealed class SignedInPage(IPage page) : PortalPage(page)
{
    public ILocator Who => Page.Locator("p.portal-address");

    public ILocator Sessions => Page.Locator(".portal-sessions li");

    public ILocator SignOut => Page.Locator("form[action='/logout'] button");

    public ILocator SignOutOthers => Page.Locator("form[action='/logout/others'] button");

    public ILocator SignOutEverywhere => Page.Locator("form[action='/logout/everywhere'] button");

    /// <summary>Waits until the page shows this address as signed in.</summary>
    public static async Task<SignedInPage> IsShownAsync(IPage page, string address)
    {
        var signedIn = new SignedInPage(page);
        await Assertions.Expect(signedIn.Who).ToContainTextAsync(address);
        return signedIn;
    }
}

/// <summary>The development mailbox.</summary>
public sealed class MailboxPage(IPage page) : PortalPage(page)
{
    public ILocator Messages => Page.Locator(".portal-mail");

    public ILocator To(string address) => Messages.Filter(new() { HasText = address });

    public static async Task<MailboxPage> OpenAsync(BrowserUser user)
    {
        var page = new MailboxPage(await user.OpenTabAsync());
        await page.Page.GotoAsync("/dev/mailbox");
        await page.BecomesInteractiveAsync();
        return page;
    }
}
