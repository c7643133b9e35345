using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>The same journey where scripts are switched off: plain forms do everything.</summary>
[Collection(DefaultPortal.Name)]
public sealed class WithoutScriptTests(DefaultStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task An_address_and_the_mailed_code_sign_in()
    {
        var ann = await ArriveWithoutScriptAsync();
        var code = await BeginPlainlyAsync(ann);
        await Expect(code.Page.Locator("strong.portal-address")).ToHaveTextAsync(ann.Address);
        await Expect(code.Field).ToBeFocusedAsync();

        await code.SubmitAsync(await Mailbox.CodeAsync(ann.Address));

        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await signedIn.SignOut.ClickAsync();
        await Expect(new AddressPage(code.Page).Field).ToBeFocusedAsync();
    }

    [Fact]
    public async Task A_mistyped_address_comes_back_with_the_reason_beside_it()
    {
        var ann = await ArriveWithoutScriptAsync();
        ann.Tolerates("status of 400");
        var start = await AddressPage.OpenAsync(ann);

        await start.Field.FillAsync("ann at example");
        var answer = await start.Page.RunAndWaitForResponseAsync(() => start.Send.ClickAsync(), "**/login");

        answer.Status.ShouldBe(400);
        await Expect(start.Error).ToContainTextAsync("email address in the correct format");
        await Expect(start.Field).ToHaveValueAsync("ann at example");
        await start.SendToAsync(ann.Address);
    }

    [Fact]
    public async Task Wrong_codes_are_told_with_the_tries_left_and_five_end_the_sign_in()
    {
        var ann = await ArriveWithoutScriptAsync();
        var code = await BeginPlainlyAsync(ann);
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
    public async Task Half_a_code_costs_no_try()
    {
        var ann = await ArriveWithoutScriptAsync();
        ann.Tolerates("status of 400");
        var code = await BeginPlainlyAsync(ann);

        await code.SubmitAsync("123");

        await Expect(code.Error).ToContainTextAsync("Enter all 6 digits");
        await code.SubmitAsync(WrongCode(await Mailbox.CodeAsync(ann.Address)));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
    }

    [Fact]
    public async Task Another_code_can_be_sent_and_the_first_one_stays_good()
    {
        var ann = await ArriveWithoutScriptAsync();
        ann.Tolerates("status of 429");
        var code = await BeginPlainlyAsync(ann);
        var first = await Mailbox.CodeAsync(ann.Address);

        // Nobody disables the button here, so at first the answer may be that it is too soon.
        await Until.TrueAsync("another code", async () =>
        {
            await code.LeaveByAsync(() => code.Resend.ClickAsync());
            return !await code.Error.IsVisibleAsync();
        });
        (await Mailbox.CodeAsync(ann.Address, message: 2)).Length.ShouldBe(6);

        await code.SubmitAsync(first);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task A_reload_shows_the_same_step_and_sends_nothing()
    {
        var ann = await ArriveWithoutScriptAsync();
        var code = await BeginPlainlyAsync(ann);
        await code.SubmitAsync(WrongCode(await Mailbox.CodeAsync(ann.Address)));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");

        await code.Page.ReloadAsync();

        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }

    private static async Task<CodePage> BeginPlainlyAsync(Visitor visitor) =>
        await (await AddressPage.OpenAsync(visitor)).SendToAsync(visitor.Address);
}
