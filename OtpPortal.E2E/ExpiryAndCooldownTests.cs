using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>
/// A portal with the shortest code expiry (30 s) and a resend cooldown of 5 s.
/// </summary>
public sealed class ShortLifeStage : Stage
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["OTP_CODE_EXPIRY"] = "30",
        ["OTP_RESEND_COOLDOWN"] = "5",
    };
}

/// <summary>Tests countdowns and expiry on open pages.</summary>
public sealed class ExpiryAndCooldownTests(ShortLifeStage stage) : BrowserTest(stage), IClassFixture<ShortLifeStage>
{
    [Fact]
    public async Task A_code_can_be_resent_after_a_countdown_and_the_first_one_stays_valid()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var first = await Mailbox.CodeAsync(ann.Address);
        // Under heavy load the first countdown may end before the page is shown, so this waits for the second one.
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
    public async Task An_expired_code_is_shown_without_a_reload_and_the_sign_in_can_be_restarted()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        await Expect(code.Page.Locator("#code-expiry")).ToContainTextAsync("0:");
        var plain = await OpenBrowserWithoutScriptAsync();
        var plainCode = await (await AddressPage.OpenAsync(plain)).SendToAsync(plain.Address);

        await Expect(code.Heading).ToHaveTextAsync("This sign-in has ended", new() { Timeout = 60_000 });
        await Expect(code.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("expired");

        await StartAgainAsync(code, ann.Address, message: 2);

        // Without JavaScript, expiry is shown on the next request.
        await Until.TrueAsync("the end of the other sign-in", async () =>
        {
            await plainCode.Page.ReloadAsync();
            return !plainCode.Page.Url.EndsWith("/login/code", StringComparison.Ordinal);
        });
        await Expect(new AddressPage(plainCode.Page).Notice).ToContainTextAsync("expired");
    }
}
