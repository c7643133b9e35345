using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

public sealed class RestartStage : Stage;

/// <summary>The process dies (kill -9) and is started again, while somebody is signing in.</summary>
public sealed class RestartTests(RestartStage stage) : BrowserTest(stage), IClassFixture<RestartStage>
{
    // What Blazor and the browser write while the server is away.
    private const string ServerAway = "WebSocket|connection|circuit|ERR_";

    [Fact]
    public async Task The_page_that_was_open_says_so_and_its_code_still_signs_in()
    {
        var ann = await ArriveAsync();
        ann.Tolerates(ServerAway);
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        await Portal.KillAsync();
        await Expect(code.ReconnectNotice).ToBeVisibleAsync();
        await Portal.StartAsync();
        await code.TypeAsync(right);

        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).ShouldBeEmpty("a restart sent another message");

        // Sessions outlive the process as well.
        await Portal.KillAsync();
        await Portal.StartAsync();
        await signedIn.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(signedIn.Page, ann.Address);
    }

    [Fact]
    public async Task A_reload_shows_the_same_step_and_sends_nothing()
    {
        var ann = await ArriveAsync();
        ann.Tolerates(ServerAway);
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
    public async Task The_address_page_that_was_open_still_sends_a_code()
    {
        var ann = await ArriveAsync();
        ann.Tolerates(ServerAway);
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
