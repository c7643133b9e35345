using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>The portal as it starts with no set-up at all.</summary>
public sealed class EmbeddedStage : Stage
{
    protected override bool UsesEmbeddedStore => true;
}

/// <summary>Without a Redis, the portal keeps everything itself.</summary>
public sealed class EmbeddedStoreTests(EmbeddedStage stage) : BrowserTest(stage), IClassFixture<EmbeddedStage>
{
    [Fact]
    public async Task A_sign_in_and_the_session_after_it_outlive_a_power_cut()
    {
        var ann = await ArriveAsync();
        ann.Tolerates("WebSocket|connection|circuit|ERR_");
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);
        await code.TypeAsync(WrongCode(right));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");

        await RestartAsync();
        await code.Page.ReloadAsync();
        await code.BecomesInteractiveAsync();
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        await code.TypeAsync(right);
        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);

        await RestartAsync();
        await signedIn.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(signedIn.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).ShouldBeEmpty("a restart sent another message");
    }

    private async Task RestartAsync()
    {
        await Portal.KillAsync();
        await Portal.StartAsync();
    }
}
