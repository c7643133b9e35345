using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>
/// Half a minute for a code, and five seconds before another one: the shortest that can be set, for what has to be waited for.
/// </summary>
public sealed class ShortLifeStage : Stage
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["OTP_CODE_EXPIRY"] = "30",
        ["OTP_RESEND_COOLDOWN"] = "5",
    };
}

/// <summary>What happens by itself on a page that is left open.</summary>
public sealed class PatienceTests(ShortLifeStage stage) : BrowserTest(stage), IClassFixture<ShortLifeStage>
{
    [Fact]
    public async Task Another_code_can_be_sent_after_a_countdown_and_the_first_one_stays_good()
    {
        var ann = await ArriveAsync();
        var code = await BeginAsync(ann);
        var first = await Mailbox.CodeAsync(ann.Address);
        // On a busy machine the first countdown may have ended before the page was there; the next one begins before everybody's eyes.
        await Expect(code.Resend).ToHaveTextAsync("Resend code");
        await Expect(code.Resend).ToBeEnabledAsync();

        await code.Resend.ClickAsync();

        await Expect(code.Resend).ToContainTextAsync("in 0:0");
        await Expect(code.Resend).ToBeDisabledAsync();
        (await Mailbox.CodeAsync(ann.Address, message: 2)).Length.ShouldBe(6);
        await Expect(code.Progress).ToContainTextAsync("Sent.");
        await code.TypeAsync(first);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task A_code_that_has_expired_says_so_by_itself_and_a_new_sign_in_begins_from_there()
    {
        var ann = await ArriveAsync();
        var code = await BeginAsync(ann);
        await Expect(code.Page.Locator("#code-expiry")).ToContainTextAsync("0:");
        var plain = await ArriveWithoutScriptAsync();
        var plainCode = await (await AddressPage.OpenAsync(plain)).SendToAsync(plain.Address);

        await Expect(code.Heading).ToHaveTextAsync("This sign-in has ended", new() { Timeout = 60_000 });
        await Expect(code.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("expired");

        await StartAgainAsync(code, ann.Address, message: 2);

        // Without script the page cannot know; who types the code then is told.
        await Until.TrueAsync("the end of the other sign-in", async () =>
        {
            await plainCode.Page.ReloadAsync();
            return !plainCode.Page.Url.EndsWith("/login/code", StringComparison.Ordinal);
        });
        await Expect(new AddressPage(plainCode.Page).Notice).ToContainTextAsync("expired");
    }
}
