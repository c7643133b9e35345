using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

public sealed class RestartStage : Stage;

/// <summary>Tests kills and restarts of the process during a sign-in.</summary>
public sealed class RestartTests(RestartStage stage) : BrowserTest(stage), IClassFixture<RestartStage>
{
    // Console messages of Blazor and the browser while the server is unavailable.
    private const string ExpectedConsoleErrors = "WebSocket|connection|circuit|ERR_";

    [Fact]
    public async Task An_open_code_page_shows_the_connection_loss_and_still_signs_in()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(ExpectedConsoleErrors);
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        await Portal.KillAsync();
        await Expect(code.ReconnectNotice).ToBeVisibleAsync();
        await Portal.StartAsync();
        await code.TypeAsync(right);

        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).ShouldBeEmpty("a restart sent another message");

        // Sessions survive a restart too.
        await Portal.KillAsync();
        await Portal.StartAsync();
        await signedIn.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(signedIn.Page, ann.Address);
    }

    [Fact]
    public async Task A_reload_after_a_restart_shows_the_same_step_and_sends_no_message()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(ExpectedConsoleErrors);
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);
        await code.TypeAsync(WrongCode(right));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");

        await Portal.KillAsync();
        await Portal.StartAsync();
        await code.Page.ReloadAsync();
        await code.BecomesInteractiveAsync();

        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        await code.TypeAsync(right);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).ShouldBeEmpty("a restart sent another message");
    }

    [Fact]
    public async Task An_open_address_page_still_sends_a_code_after_a_restart()
    {
        var ann = await OpenBrowserAsync();
        // Blazor also reports events that occur before the circuit has started again; the fields keep their values.
        ann.IgnoreConsoleErrors(ExpectedConsoleErrors + "|No interop methods are registered");
        var start = await AddressPage.OpenInteractiveAsync(ann);

        await Portal.KillAsync();
        await Expect(start.ReconnectNotice).ToBeVisibleAsync();
        await Portal.StartAsync();

        var code = await start.SendToAsync(ann.Address);
        await code.BecomesInteractiveAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }
}
