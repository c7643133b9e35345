using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests the list of devices and signing out.</summary>
[Collection(DefaultPortal.Name)]
public sealed class SessionTests(DefaultStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task The_back_button_does_not_restore_a_session_after_signing_out()
    {
        var ann = await OpenBrowserAsync();
        var page = await SignInAsync(ann);

        await page.SignOut.ClickAsync();

        var start = new AddressPage(page.Page);
        await Expect(start.Field).ToBeVisibleAsync();
        await page.Page.GoBackAsync();
        await Expect(start.Field).ToBeVisibleAsync();
        await Expect(page.Who).Not.ToBeVisibleAsync();
        (await ann.Context.CookiesAsync()).ShouldNotContain(cookie => cookie.Name == "auth_token");
    }

    [Fact]
    public async Task Signing_out_other_devices_keeps_this_session()
    {
        var phone = await OpenBrowserAsync();
        var laptop = await OpenBrowserAsync();
        var onPhone = await SignInAsync(phone);
        var onLaptop = await SignInAsync(laptop, phone.Address, message: 2);
        await Expect(onLaptop.Sessions).ToHaveCountAsync(2);
        await Expect(onLaptop.Sessions.Filter(new() { HasText = "This device" })).ToHaveCountAsync(1);

        await onLaptop.SignOutOthers.ClickAsync();

        await Expect(onLaptop.Sessions).ToHaveCountAsync(1);
        await Expect(onLaptop.SignOutOthers).Not.ToBeVisibleAsync();
        await onPhone.Page.ReloadAsync();
        await Expect(new AddressPage(onPhone.Page).Field).ToBeVisibleAsync();
        await onLaptop.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(onLaptop.Page, phone.Address);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Signing_out_everywhere_ends_the_sessions_in_both_browsers(bool withScript)
    {
        var phone = await OpenBrowserAsync();
        var laptop = await OpenBrowserAsync(options => options.JavaScriptEnabled = withScript);
        var onPhone = await SignInAsync(phone);
        var onLaptop = withScript
            ? await SignInAsync(laptop, phone.Address, message: 2) : await SignInWithoutScriptAsync(laptop, phone.Address, message: 2);

        await onLaptop.SignOutEverywhere.ClickAsync();

        await Expect(new AddressPage(onLaptop.Page).Field).ToBeVisibleAsync();
        await onPhone.Page.ReloadAsync();
        await Expect(new AddressPage(onPhone.Page).Field).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_session_list_shows_device_time_and_IP_address()
    {
        var ann =
            await OpenBrowserAsync(options => options.UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        var page = await SignInAsync(ann);

        await Expect(page.Sessions).ToContainTextAsync(["Firefox on Linux"]);
        await Expect(page.Sessions).ToContainTextAsync(["just now"]);
        await Expect(page.Sessions).ToContainTextAsync(["127.0.0.1"]);
    }

    private async Task<SignedInPage> SignInWithoutScriptAsync(BrowserUser user, string address, int message)
    {
        var code = await (await AddressPage.OpenAsync(user)).SendToAsync(address);
        await code.SubmitAsync(await Mailbox.CodeAsync(address, message));
        return await SignedInPage.IsShownAsync(code.Page, address);
    }

    [Fact]
    public async Task A_cross_site_form_cannot_sign_the_user_out()
    {
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors("status of 403");
        var page = await SignInAsync(ann);
        var trap = await ann.OpenTabAsync();
        await trap.GotoAsync(app.Url + "/nasty");

        await trap.GetByRole(AriaRole.Button).ClickAsync();

        await Expect(trap.Locator("h1")).ToHaveTextAsync("Request blocked");
        await page.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(page.Page, ann.Address);
    }
}
