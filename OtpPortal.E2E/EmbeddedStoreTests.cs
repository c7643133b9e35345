using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal with default settings, which uses the embedded store.</summary>
public sealed class EmbeddedStage : Stage
{
    protected override bool UsesEmbeddedStore => true;
}

/// <summary>Tests the embedded store.</summary>
public sealed class EmbeddedStoreTests(EmbeddedStage stage) : BrowserTest(stage), IClassFixture<EmbeddedStage>
{
    [Fact]
    public async Task A_sign_in_and_its_session_survive_a_kill_of_the_process()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors("WebSocket|connection|circuit|ERR_");
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
