using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests signing in with JavaScript and a WebSocket.</summary>
[Collection(DefaultPortal.Name)]
public sealed class SignInTests(DefaultStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task The_emailed_code_signs_in_and_is_submitted_automatically()
    {
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);
        var code = await start.SendToAsync(ann.Address);
        await code.BecomesInteractiveAsync();
        await Expect(code.Page.Locator("strong.portal-address")).ToHaveTextAsync(ann.Address);
        await Expect(code.Progress).ToContainTextAsync("Sent.");

        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        code.Page.Url.ShouldBe(Portal.Url + "/");
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("{0} {1}")]
    [InlineData("{0}-{1}")]
    [InlineData(" {0}{1}\n")]
    public async Task A_pasted_code_can_contain_spaces_and_dashes(string form)
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        await code.PasteAsync(string.Format(null, form, right[..3], right[3..]));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task An_invalid_address_shows_an_error_and_sends_no_message()
    {
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);

        await start.Field.FillAsync("ann@example");
        await start.Send.ClickAsync();
        await Expect(start.Error).ToContainTextAsync("email address in the correct format");
        await Expect(start.Field).ToBeFocusedAsync();
        await Expect(start.Field).ToHaveAttributeAsync("aria-invalid", "true");
        start.Page.Url.ShouldBe(Portal.Url + "/");

        // The error disappears once the address is valid.
        await start.Field.FillAsync(ann.Address);
        await Expect(start.Error).Not.ToBeVisibleAsync();
        await start.Send.ClickAsync();
        await start.Page.WaitForURLAsync("**/login/code");
    }

    [Fact]
    public async Task A_wrong_code_shows_the_remaining_attempts_and_clears_the_field()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        await code.TypeAsync(WrongCode(right));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        await Expect(code.Field).ToHaveValueAsync("");
        await Expect(code.Field).ToBeFocusedAsync();
        await Expect(code.Html).ToHaveAttributeAsync("data-portal", "ready");

        await code.TypeAsync(right);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task Pressing_Enter_after_automatic_submission_has_no_effect()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        await code.TypeAsync(WrongCode(right));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        await Expect(code.Field).ToHaveValueAsync("");
        await code.Page.Keyboard.PressAsync("Enter");
        await Expect(code.SignIn).ToBeEnabledAsync();
        await Expect(code.Error).ToContainTextAsync("4 attempts left");

        await code.TypeAsync(right);
        await code.Page.Keyboard.PressAsync("Enter");
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task A_late_response_does_not_select_what_the_user_is_typing()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        const string Focus = "() => otpPortal.focus('code')";

        await code.TypeAsync("12");
        await code.Page.EvaluateAsync(Focus);
        await code.Page.Keyboard.TypeAsync("3");
        await Expect(code.Field).ToHaveValueAsync("123");

        await code.SignIn.FocusAsync();
        await code.Page.EvaluateAsync(Focus);
        await code.Page.Keyboard.TypeAsync("4");
        await Expect(code.Field).ToHaveValueAsync("4");
    }

    [Fact]
    public async Task An_incomplete_code_does_not_count_as_an_attempt()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);

        await code.TypeAsync("123");
        await code.Page.Keyboard.PressAsync("Enter");

        await Expect(code.Error).ToContainTextAsync("Enter all 6 digits");
        await code.Field.FillAsync(WrongCode(await Mailbox.CodeAsync(ann.Address)));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
    }

    [Fact]
    public async Task Five_wrong_codes_end_the_sign_in_and_it_can_be_restarted()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        for (var left = 4; left > 0; left--)
        {
            await code.TypeAsync(WrongCode(right));
            await Expect(code.Error).ToContainTextAsync(left == 1 ? "1 attempt left" : $"{left} attempts left");
        }
        await code.TypeAsync(WrongCode(right));
        await Expect(code.Heading).ToHaveTextAsync("This sign-in has ended");

        await StartAgainAsync(code, ann.Address, message: 2);
    }

    [Fact]
    public async Task A_reload_shows_the_same_step_and_sends_no_message()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);
        await code.TypeAsync(WrongCode(right));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");

        await code.Page.ReloadAsync();
        await code.BecomesInteractiveAsync();

        await Expect(code.Heading).ToHaveTextAsync("Check your email");
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        await code.TypeAsync(right);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_start_page_links_to_a_sign_in_in_progress()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);

        await code.Page.GotoAsync("/");
        var start = new AddressPage(code.Page);
        await start.BecomesInteractiveAsync();
        await start.NavigateByAsync(() => start.Continue.ClickAsync());

        await code.BecomesInteractiveAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Signing_in_in_a_second_tab_redirects_the_first_one()
    {
        var ann = await OpenBrowserAsync();
        var first = await BeginAsync(ann);
        var second = new CodePage(await ann.OpenTabAsync());
        await second.Page.GotoAsync("/login/code");
        await second.BecomesInteractiveAsync();
        await Expect(second.Heading).ToHaveTextAsync("Check your email");

        await second.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(second.Page, ann.Address);
        await SignedInPage.IsShownAsync(first.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Another_tab_completes_the_sign_in_when_the_tab_with_the_code_hangs()
    {
        var ann = await OpenBrowserAsync();
        var first = await BeginAsync(ann);
        var second = new CodePage(await ann.OpenTabAsync());
        await second.Page.GotoAsync("/login/code");
        await second.BecomesInteractiveAsync();
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await second.Page.RouteAsync("**/login/finish", async route =>
        {
            await stuck.Task;
            await route.ContinueAsync();
        });

        await second.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(first.Page, ann.Address);
        stuck.SetResult();
        await SignedInPage.IsShownAsync(second.Page, ann.Address);
        await Expect(new SignedInPage(second.Page).Sessions).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task The_back_button_after_signing_in_shows_the_signed_in_page()
    {
        var ann = await OpenBrowserAsync();
        var page = await SignInAsync(ann);

        await page.Page.GoBackAsync();
        await SignedInPage.IsShownAsync(page.Page, ann.Address);
        await page.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(page.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_stolen_code_is_refused_in_another_browser()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        // Eve has no sign-in, so the code page redirects her to the start page.
        var eve = await OpenBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(eve, "/login/code");
        start.Page.Url.ShouldBe(Portal.Url + "/");
        // In a sign-in that Eve starts with Ann's address, Ann's code is wrong.
        var eves = await start.SendToAsync(ann.Address);
        await eves.BecomesInteractiveAsync();
        await eves.TypeAsync(right);
        await Expect(eves.Error).ToContainTextAsync("4 attempts left");

        await code.TypeAsync(right);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task The_sixth_code_request_for_an_address_is_refused_with_a_wait_time()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors("status of 429");
        var start = await AddressPage.OpenInteractiveAsync(ann);
        for (var sent = 0; sent < 5; sent++)
        {
            var code = await start.SendToAsync(ann.Address);
            // A click while the circuit re-renders the page would be lost.
            await code.BecomesInteractiveAsync();
            await code.OtherAddress.ClickAsync();
            await Expect(start.Field).ToBeVisibleAsync();
            await start.BecomesInteractiveAsync();
        }

        await start.Field.FillAsync(ann.Address);
        await start.Send.ClickAsync();

        await Expect(start.Error).ToContainTextAsync("minutes before requesting another code");
        await start.BecomesInteractiveAsync();
        await Expect(start.Field).ToHaveValueAsync(ann.Address);
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(5);
    }

    [Fact]
    public async Task The_sign_in_works_with_the_keyboard_only()
    {
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);
        var keyboard = start.Page.Keyboard;

        // The field has the focus, also after the circuit has re-rendered the page.
        await Expect(start.Field).ToBeFocusedAsync();
        await keyboard.TypeAsync("ann");
        await keyboard.PressAsync("Enter");
        await Expect(start.Error).ToBeVisibleAsync();
        await Expect(start.Field).ToBeFocusedAsync();
        await keyboard.PressAsync("ControlOrMeta+a");
        await keyboard.TypeAsync(ann.Address);
        await keyboard.PressAsync("Tab");
        await Expect(start.Send).ToBeFocusedAsync();
        (await OutlineAsync(start.Send)).ShouldNotBe("none");
        await keyboard.PressAsync("Enter");

        await start.Page.WaitForURLAsync("**/login/code");
        var code = new CodePage(start.Page);
        await code.BecomesInteractiveAsync();
        await Expect(code.Field).ToBeFocusedAsync();
        await keyboard.TypeAsync(WrongCode(await Mailbox.CodeAsync(ann.Address)));
        await Expect(code.Error).ToBeVisibleAsync();
        await keyboard.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("Tab");
        await Expect(signedIn.SignOut).ToBeFocusedAsync();
        (await OutlineAsync(signedIn.SignOut)).ShouldNotBe("none");
        await keyboard.PressAsync("Enter");
        await Expect(start.Field).ToBeVisibleAsync();
    }

    private static Task<string> OutlineAsync(ILocator focused) =>
        focused.EvaluateAsync<string>("element => getComputedStyle(element).outlineStyle");
}
