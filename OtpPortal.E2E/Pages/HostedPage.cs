using OtpPortal.E2E.Infrastructure;

namespace OtpPortal.E2E.Pages;

/// <summary>What a hosted page consists of, in a tab of its own or in a frame.</summary>
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

    public async Task IsOverAsync() => await Assertions.Expect(Heading).ToHaveTextAsync("This verification has ended");
}

/// <summary>A hosted page in a tab of its own.</summary>
public sealed class HostedPage(IPage page) : PortalPage(page)
{
    public VerificationParts Parts { get; } = new(selector => page.Locator(selector));

    public static async Task<HostedPage> OpenAsync(Visitor visitor, string path)
    {
        var hosted = new HostedPage(await visitor.OpenTabAsync());
        await hosted.Page.GotoAsync(path);
        return hosted;
    }

    public static async Task<HostedPage> OpenInteractiveAsync(Visitor visitor, string path)
    {
        var hosted = await OpenAsync(visitor, path);
        await hosted.BecomesInteractiveAsync();
        return hosted;
    }
}

/// <summary>Somebody else's page, which opens verifications in a dialog.</summary>
public sealed class ShopPage(IPage page)
{
    public IPage Page => page;

    public ILocator Dialog => page.GetByRole(AriaRole.Dialog);

    public ILocator Close => Dialog.GetByRole(AriaRole.Button);

    public ILocator Frame => Dialog.Locator("iframe");

    /// <summary>The hosted page in the dialog's frame.</summary>
    public VerificationParts Parts { get; } = new(selector => page.FrameLocator("dialog iframe").Locator(selector));

    /// <summary>The callbacks that were called, and violations of the page's own policy.</summary>
    public Task<string[]> HeardAsync() => page.EvaluateAsync<string[]>("() => window.heard");

    public static async Task<ShopPage> OpenAsync(Visitor visitor, EmbeddingSite site, string id)
    {
        var shop = new ShopPage(await visitor.OpenTabAsync());
        await shop.Page.GotoAsync($"{site.Origin}/?id={id}");
        return shop;
    }

    /// <summary>Presses the shop's button, and waits for what the dialog shows.</summary>
    public async Task OpenDialogAsync()
    {
        await page.Locator("#open").ClickAsync();
        await Assertions.Expect(Dialog).ToHaveClassAsync("ready");
    }

    public async Task HearsAsync(params string[] events)
    {
        await page.WaitForFunctionAsync("count => window.heard.length >= count", events.Length);
        (await HeardAsync()).ShouldBe(events);
    }
}
