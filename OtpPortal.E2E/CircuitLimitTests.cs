using System.Net.WebSockets;
using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests a client address that has reached the limit of circuits.</summary>
public sealed class CircuitLimitTests(UnreliableConnectionStage stage) : BrowserTest(stage), IClassFixture<UnreliableConnectionStage>
{
    private const int MaxCircuits = 50;

    [Fact]
    public async Task The_sign_in_works_without_a_circuit_once_the_circuit_limit_is_reached()
    {
        stage.Line.Release();
        var open = new List<ClientWebSocket>();
        for (var i = 0; i < MaxCircuits; i++)
        {
            var socket = new ClientWebSocket();
            open.Add(socket);
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{Portal.Port}/_blazor"), CancellationToken.None);
        }
        var ann = await OpenBrowserAsync();
        // Console messages of Blazor and the browser when a WebSocket is refused.
        ann.IgnoreConsoleErrors("WebSocket|failed to start the c|connection|circuit|429");

        var start = await AddressPage.OpenAsync(ann);
        var code = await start.SendToAsync(ann.Address);
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await start.Html.GetAttributeAsync("data-portal")).ShouldBeNull();
        open.ForEach(socket => socket.Dispose());
    }
}
