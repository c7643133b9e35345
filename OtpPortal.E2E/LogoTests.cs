using System.Net;
using System.Net.Sockets;
using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal whose logo is on a server that accepts connections and never answers.</summary>
public sealed class SilentLogoStage : Stage
{
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["LOGO_URL"] = $"http://{_server.LocalEndpoint}/logo.svg",
    };

    public override Task InitializeAsync()
    {
        _server.Start();
        return base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _server.Dispose();
    }
}

/// <summary>Tests that a logo which does not load holds nothing up.</summary>
public sealed class LogoTests(SilentLogoStage stage) : BrowserTest(stage), IClassFixture<SilentLogoStage>
{
    [Fact]
    public async Task A_sign_in_works_while_the_logo_does_not_load_and_nothing_moves()
    {
        var ann = await OpenBrowserAsync();
        var start = new AddressPage(await ann.OpenTabAsync());
        await start.Page.GotoAsync("/", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        await start.BecomesInteractiveAsync();

        var logo = (await start.Page.Locator(".portal-brand img").BoundingBoxAsync())!;
        (logo.Width, logo.Height).ShouldBe((40, 40));
        await start.Field.FillAsync(ann.Address);
        await start.Send.ClickAsync();
        await start.Page.WaitForURLAsync("**/login/code", new() { WaitUntil = WaitUntilState.DOMContentLoaded });
        var code = new CodePage(start.Page);
        await code.BecomesInteractiveAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        var shift = await code.Page.EvaluateAsync<double>("""
            () => new Promise(resolve => {
                const seen = new PerformanceObserver(list => resolve(list.getEntries().reduce((sum, entry) => sum + entry.value, 0)));
                seen.observe({ type: 'layout-shift', buffered: true });
                // Without any shift, the observer is not called.
                setTimeout(() => resolve(0), 200);
            })
            """);
        shift.ShouldBeLessThan(0.01);
    }
}
