using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Gateway;

/// <summary>Tests the hosted pages that verify an address for another application.</summary>
[Collection(GatewayCollection.Name)]
public sealed class HostedPageTests(GatewayStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task A_typed_code_submits_automatically_and_a_reload_still_shows_success()
    {
        var wanted = await stage.Backend.BeginAsync(("channel_description", "The shop wants to know you."));
        var bob = await OpenBrowserAsync();
        var page = await HostedPage.OpenInteractiveAsync(bob, wanted.Path);
        await Expect(page.Parts.Heading).ToHaveTextAsync("Verify: Email address");
        await Expect(page.Parts.Main).ToContainTextAsync("The shop wants to know you.");
        await Expect(page.Parts.Main).ToContainTextAsync(wanted.To);
        await Expect(page.Parts.Field).ToBeFocusedAsync();

        await page.Parts.Field.PressSequentiallyAsync(await Mailbox.CodeAsync(wanted.To));

        await page.Parts.IsDoneAsync();
        await Expect(page.Parts.Heading).ToBeFocusedAsync();
        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeTrue();
        await page.Page.ReloadAsync();
        await page.Parts.IsDoneAsync();
        await Expect(page.Page).ToHaveTitleAsync("Verified · OTP Portal");
    }

    [Fact]
    public async Task The_page_asks_for_an_address_that_the_application_omitted()
    {
        var wanted = await stage.Backend.BeginAsync(("to", ""), ("address_description", "Where may we write to?"));
        var bob = await OpenBrowserAsync();
        bob.IgnoreConsoleErrors("status of 400");
        var page = await HostedPage.OpenAsync(bob, wanted.Path);
        page.Page.Url.ShouldEndWith("/address");
        await Expect(page.Parts.Main).ToContainTextAsync("Where may we write to?");
        await Expect(page.Parts.AddressField).ToBeFocusedAsync();

        await page.Parts.AddressField.FillAsync("bob at example");
        await page.Parts.SendCode.ClickAsync();
        await Expect(page.Parts.AddressError).ToContainTextAsync("This doesn't look right");
        await Expect(page.Parts.AddressField).ToHaveValueAsync("bob at example");
        await page.Parts.AddressField.FillAsync(bob.Address);
        await page.Parts.SendCode.ClickAsync();

        await page.BecomesInteractiveAsync();
        await Expect(page.Parts.Main).ToContainTextAsync(bob.Address);
        await page.Parts.Field.PressSequentiallyAsync(await Mailbox.CodeAsync(bob.Address));
        await page.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task The_verification_works_without_JavaScript()
    {
        var wanted = await stage.Backend.BeginAsync(("to", ""));
        var bob = await OpenBrowserWithoutScriptAsync();
        bob.IgnoreConsoleErrors("status of 4(00|29)");
        var page = await HostedPage.OpenAsync(bob, wanted.Path);
        await page.Parts.AddressField.FillAsync(bob.Address);
        await page.Parts.SendCode.ClickAsync();
        await Expect(page.Parts.Field).ToBeFocusedAsync();
        var code = await Mailbox.CodeAsync(bob.Address);

        await page.Parts.Field.FillAsync("12");
        await page.Parts.Verify.ClickAsync();
        await Expect(page.Parts.Error).ToContainTextAsync("Enter all 6 digits");
        await page.Parts.Field.FillAsync(WrongCode(code));
        await page.Parts.Verify.ClickAsync();
        await Expect(page.Parts.Error).ToContainTextAsync("4 attempts left");
        // Without JavaScript the button is not disabled, so early clicks can be refused.
        await Until.TrueAsync("another message", async () =>
        {
            await page.Parts.Resend.ClickAsync();
            return (await Mailbox.ToAsync(bob.Address)).Count == 2;
        });
        await page.Parts.Field.FillAsync(code);
        await page.Parts.Verify.ClickAsync();

        await page.Parts.IsDoneAsync();
        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_wrong_code_shows_an_error_and_clears_the_field()
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), wanted.Path);

        await page.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(page.Parts.Error).ToContainTextAsync("4 attempts left");
        await Expect(page.Parts.Field).ToHaveValueAsync("");
        await Expect(page.Parts.Field).ToBeFocusedAsync();

        await page.Parts.Field.PressSequentiallyAsync(wanted.Code);
        await page.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task The_code_can_be_resent_after_a_countdown_until_the_limit_is_reached()
    {
        var wanted = await stage.Backend.BeginAsync(("max_generate", "2"));
        var page = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), wanted.Path);

        await Expect(page.Parts.Resend).ToBeEnabledAsync();
        await Expect(page.Parts.Resend).ToHaveTextAsync("Resend code");
        await page.Parts.Resend.ClickAsync();

        await Expect(page.Parts.Notice).ToHaveTextAsync("We sent the code again.");
        await Expect(page.Parts.Main).ToContainTextAsync("The code can't be sent again");
        (await Mailbox.CodeAsync(wanted.To, message: 2)).ShouldBe(wanted.Code, "both messages have the same code");
        await page.Parts.Field.PressSequentiallyAsync(wanted.Code);
        await page.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task A_success_on_another_device_is_shown_without_a_reload()
    {
        var wanted = await stage.Backend.BeginAsync();
        var desk = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), wanted.Path);
        var phone = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), wanted.Path);

        await phone.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await phone.Parts.IsDoneAsync();
        await desk.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task The_address_page_follows_another_device()
    {
        var wanted = await stage.Backend.BeginAsync(("to", ""));
        var desk = await HostedPage.OpenAsync(await OpenBrowserAsync(), wanted.Path);
        var bob = await OpenBrowserAsync();
        var phone = await HostedPage.OpenAsync(bob, wanted.Path);
        await phone.Parts.AddressField.FillAsync(bob.Address);
        await phone.Parts.SendCode.ClickAsync();
        await phone.BecomesInteractiveAsync();

        await phone.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await desk.Parts.IsDoneAsync();
        desk.Page.Url.ShouldEndWith(wanted.Path);
    }

    [Fact]
    public async Task The_link_fills_in_the_code_and_a_button_submits_it()
    {
        var wanted = await stage.Backend.BeginAsync();
        var bob = await OpenBrowserAsync();
        var page = await HostedPage.OpenInteractiveAsync(bob, $"{wanted.Path}?otp={wanted.Code}");
        await Expect(page.Parts.Field).ToHaveValueAsync(wanted.Code);
        await Expect(page.Parts.Main.GetByRole(AriaRole.Button)).ToHaveCountAsync(1);
        await Expect(page.Parts.Verify).ToBeFocusedAsync();

        await page.Page.ReloadAsync();
        await page.BecomesInteractiveAsync();
        // Email scanners open links and run scripts too, but do not press the button.
        var tick = await page.Parts.Main.Locator("#code-expiry").InnerTextAsync();
        await Expect(page.Parts.Main.Locator("#code-expiry")).Not.ToHaveTextAsync(tick);
        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeFalse("the button has not been pressed");

        await page.Page.Keyboard.PressAsync("Enter");
        await page.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task A_link_with_an_old_code_can_be_corrected_by_hand()
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), $"{wanted.Path}?otp={wanted.WrongCode}");

        await page.Parts.Verify.ClickAsync();
        await Expect(page.Parts.Error).ToContainTextAsync("4 attempts left");
        await Expect(page.Parts.Resend).ToBeVisibleAsync();
        await page.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await page.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task The_last_wrong_code_locks_the_page_permanently()
    {
        var wanted = await stage.Backend.BeginAsync(("max_attempts", "2"));
        var page = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), wanted.Path);

        await page.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(page.Parts.Error).ToContainTextAsync("1 attempt left");
        await Expect(page.Parts.Field).ToHaveValueAsync("");
        await page.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);

        await Expect(page.Parts.Heading).ToHaveTextAsync("Too many attempts");
        await Expect(page.Parts.Field).Not.ToBeVisibleAsync();
        await page.Page.GotoAsync($"{wanted.Path}?otp={wanted.Code}");
        await Expect(page.Parts.Heading).ToHaveTextAsync("Too many attempts");
    }

    [Fact]
    public async Task The_page_shows_expiry_without_a_reload()
    {
        var wanted = await stage.Backend.BeginAsync(("ttl", "5"));
        var bob = await OpenBrowserAsync();
        bob.IgnoreConsoleErrors("status of 410");
        var page = await HostedPage.OpenAsync(bob, wanted.Path);

        await page.Parts.IsExpiredAsync();

        await page.Page.ReloadAsync();
        await page.Parts.IsExpiredAsync();
    }

    [Fact]
    public async Task A_code_with_letters_is_accepted()
    {
        var wanted = await stage.Backend.BeginAsync(("otp", "Rose-Tulip"));
        var page = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), wanted.Path);

        await page.Parts.Field.FillAsync("Rose-Tulip");
        await page.Page.Keyboard.PressAsync("Enter");

        await page.Parts.IsDoneAsync();
    }

    [Theory]
    [InlineData("en-GB", "en", "Verify: Email address", "Incorrect code", "Verified")]
    [InlineData("de-AT", "de", "Bestätigen: E-Mail-Adresse", "Falscher Code", "Bestätigt")]
    [InlineData("fr-CA", "fr", "Vérification", "Code incorrect", "Vérification réussie")]
    [InlineData("es-MX", "es", "Verificación", "Código incorrecto", "Verificación completada")]
    [InlineData("zh-CN", "zh", "验证", "验证码错误", "验证成功")]
    public async Task The_page_uses_the_language_of_the_browser(string locale, string language, string title, string wrong, string done)
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(options => options.Locale = locale), wanted.Path);
        await Expect(page.Html).ToHaveAttributeAsync("lang", language);
        await Expect(page.Parts.Heading).ToContainTextAsync(title);

        await page.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(page.Parts.Error).ToContainTextAsync(wrong);
        await page.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await Expect(page.Parts.Heading).ToHaveTextAsync(done);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Changing_the_language_keeps_the_code_from_the_link(bool withScript)
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenAsync(
            await OpenBrowserAsync(options => options.JavaScriptEnabled = withScript), $"{wanted.Path}?otp={wanted.Code}");

        await page.Language("Deutsch").ClickAsync();

        await Expect(page.Html).ToHaveAttributeAsync("lang", "de");
        await Expect(page.Parts.Field).ToHaveValueAsync(wanted.Code);
        if (withScript) await page.BecomesInteractiveAsync();
        await page.Parts.Verify.ClickAsync();
        await Expect(page.Parts.Heading).ToHaveTextAsync("Bestätigt");
    }
}
