using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Being signed in, and ending it.</summary>
[Collection(DefaultPortal.Name)]
public sealed class SessionTests(DefaultStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task Signing_out_ends_it_and_the_back_button_does_not_bring_it_back()
    {
        var ann = await ArriveAsync();
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
    public async Task Signing_out_everywhere_else_ends_the_session_in_the_other_browser_only()
    {
        var phone = await ArriveAsync();
        var laptop = await ArriveAsync();
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
    public async Task Signing_out_everywhere_ends_the_session_in_both_browsers(bool withScript)
    {
        var phone = await ArriveAsync();
        var laptop = await ArriveAsync(options => options.JavaScriptEnabled = withScript);
        var onPhone = await SignInAsync(phone);
        var onLaptop = withScript
            ? await SignInAsync(laptop, phone.Address, message: 2) : await SignInPlainlyAsync(laptop, phone.Address, message: 2);

        await onLaptop.SignOutEverywhere.ClickAsync();

        await Expect(new AddressPage(onLaptop.Page).Field).ToBeVisibleAsync();
        await onPhone.Page.ReloadAsync();
        await Expect(new AddressPage(onPhone.Page).Field).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_session_list_tells_the_device_and_when_and_from_where()
    {
        var ann =
            await ArriveAsync(options => options.UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        var page = await SignInAsync(ann);

        await Expect(page.Sessions).ToContainTextAsync(["Firefox on Linux"]);
        await Expect(page.Sessions).ToContainTextAsync(["just now"]);
        await Expect(page.Sessions).ToContainTextAsync(["127.0.0.1"]);
    }

    private async Task<SignedInPage> SignInPlainlyAsync(Visitor visitor, string address, int message)
    {
        var code = await (await AddressPage.OpenAsync(visitor)).SendToAsync(address);
        await code.SubmitAsync(await Mailbox.CodeAsync(address, message));
        return await SignedInPage.IsShownAsync(code.Page, address);
    }

    [Fact]
    public async Task A_page_of_another_site_cannot_sign_anybody_out()
    {
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        var ann = await ArriveAsync();
        ann.Tolerates("status of 403");
        var page = await SignInAsync(ann);
        var trap = await ann.OpenTabAsync();
        await trap.GotoAsync(app.Url + "/nasty");

        await trap.GetByRole(AriaRole.Button).ClickAsync();

        await Expect(trap.Locator("h1")).ToHaveTextAsync("Request blocked");
        await page.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(page.Page, ann.Address);
    }
}
