using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests apps that send users to the portal and get them back signed in.</summary>
[Collection(DefaultPortal.Name)]
public sealed class ReturnToTests(DefaultStage stage) : BrowserTest(stage)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_user_returns_to_the_app_signed_in(bool withScript)
    {
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        var ann = await OpenBrowserAsync(options => options.JavaScriptEnabled = withScript);
        var target = app.Url + "/welcome?from=portal";

        var code = await SignInForAsync(ann, target, withScript);

        await Expect(code.Page.Locator("h1")).ToHaveTextAsync("Hello " + ann.Address);
        code.Page.Url.ShouldBe(target);

        // The next visit redirects without a sign-in.
        await code.Page.GotoAsync(Portal.Url + "/?return_to=" + Uri.EscapeDataString(target));
        await Expect(code.Page.Locator("h1")).ToHaveTextAsync("Hello " + ann.Address);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_app_can_redirect_to_an_origin_unknown_to_the_portal(bool withScript)
    {
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        var ann = await OpenBrowserAsync(options => options.JavaScriptEnabled = withScript);

        var code = await SignInForAsync(ann, app.Url + "/leads-on", withScript);

        await Expect(code.Page.Locator("h1")).ToHaveTextAsync("Signed in");
        new Uri(code.Page.Url).Host.ShouldBe("127.0.0.1");
    }

    [Fact]
    public async Task The_target_is_kept_after_invalid_input_and_a_language_change()
    {
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        var ann = await OpenBrowserWithoutScriptAsync();
        ann.IgnoreConsoleErrors("status of 400");
        var start = await AddressPage.OpenAsync(ann, "/?return_to=" + Uri.EscapeDataString(app.Url + "/welcome"));
        await start.Language("Deutsch").ClickAsync();
        await start.Field.FillAsync("nobody");
        await start.Send.ClickAsync();
        await Expect(start.Error).ToBeVisibleAsync();
        var code = await start.SendToAsync(ann.Address);
        var right = await Mailbox.CodeAsync(ann.Address);
        await code.SubmitAsync(WrongCode(right));
        await Expect(code.Error).ToBeVisibleAsync();

        await code.SubmitAsync(right);

        await Expect(code.Page.Locator("h1")).ToHaveTextAsync("Hello " + ann.Address);
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("https://localhost@evil.example/")]
    [InlineData("javascript:alert(1)")]
    public async Task A_disallowed_target_is_ignored(string target)
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann, path: "/?return_to=" + Uri.EscapeDataString(target));

        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        code.Page.Url.ShouldBe(Portal.Url + "/");
    }

    private async Task<CodePage> SignInForAsync(BrowserUser user, string target, bool withScript)
    {
        var start = await AddressPage.OpenAsync(user, "/?return_to=" + Uri.EscapeDataString(target));
        if (withScript) await start.BecomesInteractiveAsync();
        var code = await start.SendToAsync(user.Address);
        if (withScript) await code.BecomesInteractiveAsync();
        var right = await Mailbox.CodeAsync(user.Address);
        if (withScript) await code.TypeAsync(right);
        else await code.SubmitAsync(right);
        return code;
    }
}
