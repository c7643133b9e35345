using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests signing in without JavaScript.</summary>
[Collection(DefaultPortal.Name)]
public sealed class WithoutScriptTests(DefaultStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task The_emailed_code_signs_in()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        var code = await BeginWithoutScriptAsync(ann);
        await Expect(code.Page.Locator("strong.portal-address")).ToHaveTextAsync(ann.Address);
        await Expect(code.Field).ToBeFocusedAsync();

        await code.SubmitAsync(await Mailbox.CodeAsync(ann.Address));

        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await signedIn.SignOut.ClickAsync();
        await Expect(new AddressPage(code.Page).Field).ToBeFocusedAsync();
    }

    [Fact]
    public async Task An_invalid_address_is_shown_again_with_an_error_at_the_field()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        ann.IgnoreConsoleErrors("status of 400");
        var start = await AddressPage.OpenAsync(ann);

        await start.Field.FillAsync("ann at example");
        var answer = await start.Page.RunAndWaitForResponseAsync(() => start.Send.ClickAsync(), "**/login");

        answer.Status.ShouldBe(400);
        await Expect(start.Error).ToContainTextAsync("email address in the correct format");
        await Expect(start.Field).ToHaveValueAsync("ann at example");
        await start.SendToAsync(ann.Address);
    }

    [Fact]
    public async Task Wrong_codes_show_the_remaining_attempts_and_five_end_the_sign_in()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        var code = await BeginWithoutScriptAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        for (var left = 4; left > 0; left--)
        {
            await code.SubmitAsync(WrongCode(right));
            await Expect(code.Error).ToContainTextAsync(left == 1 ? "1 attempt left" : $"{left} attempts left");
            await Expect(code.Field).ToHaveValueAsync("");
        }
        await code.SubmitAsync(WrongCode(right));

        var start = new AddressPage(code.Page);
        await Expect(start.Notice).ToContainTextAsync("Too many incorrect codes");
        code = await start.SendToAsync(ann.Address);
        await code.SubmitAsync(await Mailbox.CodeAsync(ann.Address, message: 2));
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task An_incomplete_code_does_not_count_as_an_attempt()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        ann.IgnoreConsoleErrors("status of 400");
        var code = await BeginWithoutScriptAsync(ann);

        await code.SubmitAsync("123");

        await Expect(code.Error).ToContainTextAsync("Enter all 6 digits");
        await code.SubmitAsync(WrongCode(await Mailbox.CodeAsync(ann.Address)));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
    }

    [Fact]
    public async Task A_code_can_be_resent_and_the_first_one_stays_valid()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        ann.IgnoreConsoleErrors("status of 429");
        var code = await BeginWithoutScriptAsync(ann);
        var first = await Mailbox.CodeAsync(ann.Address);

        // Without JavaScript the button is not disabled, so early clicks can be refused.
        await Until.TrueAsync("another code", async () =>
        {
            await code.NavigateByAsync(() => code.Resend.ClickAsync());
            return !await code.Error.IsVisibleAsync();
        });
        (await Mailbox.CodeAsync(ann.Address, message: 2)).Length.ShouldBe(6);

        await code.SubmitAsync(first);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task A_reload_shows_the_same_step_and_sends_no_message()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        var code = await BeginWithoutScriptAsync(ann);
        await code.SubmitAsync(WrongCode(await Mailbox.CodeAsync(ann.Address)));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");

        await code.Page.ReloadAsync();

        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    private static async Task<CodePage> BeginWithoutScriptAsync(BrowserUser user) =>
        await (await AddressPage.OpenAsync(user)).SendToAsync(user.Address);
}
