using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Signing in as most people do: with script and a WebSocket.</summary>
[Collection(DefaultPortal.Name)]
public sealed class SignInTests(DefaultStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task An_address_and_the_mailed_code_sign_in_and_the_typed_code_submits_itself()
    {
        var ann = await ArriveAsync();
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
    public async Task A_pasted_code_may_have_blanks_and_dashes(string form)
    {
        var ann = await ArriveAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        await code.PasteAsync(string.Format(null, form, right[..3], right[3..]));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task A_mistyped_address_is_told_in_place_and_nothing_is_sent()
    {
        var ann = await ArriveAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);

        await start.Field.FillAsync("ann@example");
        await start.Send.ClickAsync();
        await Expect(start.Error).ToContainTextAsync("email address in the correct format");
        await Expect(start.Field).ToBeFocusedAsync();
        await Expect(start.Field).ToHaveAttributeAsync("aria-invalid", "true");
        start.Page.Url.ShouldBe(Portal.Url + "/");

        // The complaint goes with its cause, and the way is free.
        await start.Field.FillAsync(ann.Address);
        await Expect(start.Error).Not.ToBeVisibleAsync();
        await start.Send.ClickAsync();
        await start.Page.WaitForURLAsync("**/login/code");
    }

    [Fact]
    public async Task A_wrong_code_is_told_in_place_with_the_tries_left_and_the_field_is_ready_for_the_next()
    {
        var ann = await ArriveAsync();
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
    public async Task Enter_after_a_code_that_submitted_itself_does_no_harm()
    {
        var ann = await ArriveAsync();
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
    public async Task Half_a_code_costs_no_try()
    {
        var ann = await ArriveAsync();
        var code = await BeginAsync(ann);

        await code.TypeAsync("123");
        await code.Page.Keyboard.PressAsync("Enter");

        await Expect(code.Error).ToContainTextAsync("Enter all 6 digits");
        await code.Field.FillAsync(WrongCode(await Mailbox.CodeAsync(ann.Address)));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
    }

    [Fact]
    public async Task Five_wrong_codes_end_the_sign_in_and_a_new_one_begins_from_there()
    {
        var ann = await ArriveAsync();
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
    public async Task A_reload_shows_the_same_step_and_sends_nothing()
    {
        var ann = await ArriveAsync();
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
    public async Task The_start_page_leads_back_to_a_sign_in_that_is_open()
    {
        var ann = await ArriveAsync();
        var code = await BeginAsync(ann);

        await code.Page.GotoAsync("/");
        var start = new AddressPage(code.Page);
        await start.BecomesInteractiveAsync();
        await start.LeaveByAsync(() => start.Continue.ClickAsync());

        await code.BecomesInteractiveAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_second_tab_shows_the_same_step_and_after_signing_in_there_the_first_one_follows()
    {
        var ann = await ArriveAsync();
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
    public async Task When_the_tab_with_the_right_code_gets_stuck_another_tab_finishes_and_then_both_are_signed_in()
    {
        var ann = await ArriveAsync();
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
    public async Task The_back_button_after_signing_in_does_not_ask_for_the_code_again()
    {
        var ann = await ArriveAsync();
        var page = await SignInAsync(ann);

        await page.Page.GoBackAsync();
        await SignedInPage.IsShownAsync(page.Page, ann.Address);
        await page.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(page.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_code_that_somebody_else_got_hold_of_is_worth_nothing_in_their_browser()
    {
        var ann = await ArriveAsync();
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        // Eve has no sign-in of her own, so there is no code page for her …
        var eve = await ArriveAsync();
        var start = await AddressPage.OpenInteractiveAsync(eve, "/login/code");
        start.Page.Url.ShouldBe(Portal.Url + "/");
        // … and in one that she begins with Ann's address, Ann's code is wrong.
        var eves = await start.SendToAsync(ann.Address);
        await eves.BecomesInteractiveAsync();
        await eves.TypeAsync(right);
        await Expect(eves.Error).ToContainTextAsync("4 attempts left");

        await code.TypeAsync(right);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task Asking_too_often_for_one_address_says_when_to_try_again_and_sends_nothing_more()
    {
        var ann = await ArriveAsync();
        ann.Tolerates("status of 429");
        var start = await AddressPage.OpenInteractiveAsync(ann);
        for (var sent = 0; sent < 5; sent++)
        {
            var code = await start.SendToAsync(ann.Address);
            // A click while the circuit draws the page again would hit nothing.
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
    public async Task The_keyboard_alone_is_enough()
    {
        var ann = await ArriveAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);
        var keyboard = start.Page.Keyboard;

        // The cursor is where the user needs it, also after the circuit has drawn the page again.
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
