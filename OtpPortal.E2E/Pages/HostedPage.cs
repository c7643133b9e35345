using OtpPortal.E2E.Infrastructure;

namespace OtpPortal.E2E.Pages;

/// <summary>The elements of a hosted page, in its own tab or in a frame.</summary>
public sealed class VerificationParts(Func<string, ILocator> find)
{
    public ILocator Html => find("html");

    public ILocator Heading => find("h1");

    public ILocator Field => find("#otp");

    public ILocator Error => find("#otp-error");

    public ILocator Verify => find("#verify");

    public ILocator Resend => find(".portal-actions button");

    public ILocator Notice => find(".portal-progress");

    public ILocator AddressField => find("#to");

    public ILocator AddressError => find("#to-error");

    public ILocator SendCode => find("main form[action*='/address'] button");

    public ILocator Main => find("main");

    public ILocator Language(string name) => find(".portal-languages").GetByRole(AriaRole.Button, new() { Name = name });

    public async Task BecomesInteractiveAsync() => await Assertions.Expect(find("html[data-portal=ready]")).ToBeAttachedAsync();

    public async Task IsDoneAsync() => await Assertions.Expect(Heading).ToHaveTextAsync("Verified");

    public async Task IsExpiredAsync() => await Assertions.Expect(Heading).ToHaveTextAsync("This verification has ended");
}

/// <summary>A hosted page in its own tab.</summary>
public sealed class HostedPage(IPage page) : PortalPage(page)
{
    public VerificationParts Parts { get; } = new(selector => page.Locator(selector));

    public static async Task<HostedPage> OpenAsync(BrowserUser user, string path)
    {
        var hosted = new HostedPage(await user.OpenTabAsync());
        await hosted.Page.GotoAsync(path);
        return hosted;
    }

    public static async Task<HostedPage> OpenInteractiveAsync(BrowserUser user, string path)
    {
        var hosted = await OpenAsync(user, path);
        await hosted.BecomesInteractiveAsync();
        return hosted;
    }
}

/// <summary>A page of another site that opens verifications in a dialog.</summary>
public sealed class ShopPage(IPage page)
{
    public IPage Page => page;

    public ILocator Dialog => page.GetByRole(AriaRole.Dialog);

    public ILocator Close => Dialog.GetByRole(AriaRole.Button);

    public ILocator Frame => Dialog.Locator("iframe");

    /// <summary>Gets the elements of the hosted page in the dialog.</summary>
    public VerificationParts Parts { get; } = new(selector => page.FrameLocator("dialog iframe").Locator(selector));

    /// <summary>Returns the recorded callbacks and CSP violations.</summary>
    public Task<string[]> CallsAsync() => page.EvaluateAsync<string[]>("() => window.heard");

    public static async Task<ShopPage> OpenAsync(BrowserUser user, EmbeddingSite site, string id)
    {
        var shop = new ShopPage(await user.OpenTabAsync());
        await shop.Page.GotoAsync($"{site.Origin}/?id={id}");
        return shop;
    }

    /// <summary>Opens the dialog and waits until it is ready.</summary>
    public async Task OpenDialogAsync()
    {
        await page.Locator("#open").ClickAsync();
        await Assertions.Expect(Dialog).ToHaveClassAsync("ready");
    }

    public async Task ExpectCallsAsync(params string[] events)
    {
        await page.WaitForFunctionAsync("count => window.heard.length >= count", events.Length);
        (await CallsAsync()).ShouldBe(events);
    }
}
