using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>Limits on the Blazor circuits of one client.</summary>
public sealed partial class CircuitLimitTests(CircuitLimitTests.BehindProxy behind) : IClassFixture<CircuitLimitTests.BehindProxy>
{
    private const int MaxCircuits = 50;
    private const int MaxComponents = 4;

    private int _components;

    private PortalHost Portal => behind.Portal;

    private Uri Hub => new UriBuilder(Portal.Address) { Scheme = "ws", Path = "/_blazor" }.Uri;

    [Theory]
    [InlineData("203.0.113.1", "203.0.113.1", "203.0.113.2")]
    [InlineData("2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::1")]
    public async Task Limits_the_circuits_of_one_client_without_affecting_others(string client, string same, string other)
    {
        var open = new List<ClientWebSocket>();
        for (var i = 0; i < MaxCircuits; i++) open.Add(await ConnectAsync(client));

        var refused = await Should.ThrowAsync<WebSocketException>(() => ConnectAsync(same));
        refused.Message.ShouldContain("429");
        using var another = await ConnectAsync(other);
        another.State.ShouldBe(WebSocketState.Open);

        // Pages still work as plain forms without a circuit.
        var browser = Portal.NewBrowser();
        browser.Headers["X-Forwarded-For"] = same;
        (await browser.GetAsync("/")).Status.ShouldBe(200);
        await Portal.SignInAsync(TestUser.New(), browser);

        open[0].Abort();
        using var next = await Eventually.GetAsync(async () =>
        {
            try
            {
                return await ConnectAsync(same);
            }
            catch (WebSocketException)
            {
                return null;
            }
        });
        next.State.ShouldBe(WebSocketState.Open);
        open.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [InlineData("/_blazor/negotiate?negotiateVersion=1")]
    [InlineData("/_BLAZOR/negotiate/?negotiateVersion=1")]
    public async Task Circuits_accept_WebSocket_connections_only(string path) =>
        (await Portal.NewApiClient().PostAsync(path)).Status.ShouldBe(404);

    [Fact]
    public async Task A_circuit_renders_the_maximum_number_of_components()
    {
        using var circuit = await StartAsync();
        await AddComponentsAsync(circuit, MaxComponents);

        (await RendersAsync(circuit)).ShouldBeTrue();
    }

    [Theory]
    [InlineData("operations")]
    [InlineData("OPERATIONS")]
    public async Task A_circuit_that_exceeds_the_component_limit_is_closed(string name)
    {
        using var circuit = await StartAsync();
        await AddComponentsAsync(circuit, MaxComponents + 1, name);

        // The components within the limit are rendered.
        while (await RendersAsync(circuit)) { }
        circuit.State.ShouldNotBe(WebSocketState.Open);
    }

    private async Task<ClientWebSocket> ConnectAsync(string client)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("X-Forwarded-For", client);
        try
        {
            await socket.ConnectAsync(Hub, CancellationToken.None);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<ClientWebSocket> StartAsync()
    {
        var page = (await Portal.NewBrowser().GetAsync("/")).Body;
        var socket = await ConnectAsync("203.0.113.3");
        await socket.SendAsync(
            "{\"protocol\":\"blazorpack\",\"version\":1}\u001e"u8.ToArray(), WebSocketMessageType.Binary, endOfMessage: true,
            CancellationToken.None);
        await SendAsync(
            socket, "0", "StartCircuit", [Portal.Address.ToString(), Portal.Address.ToString(), "[]", State().Match(page).Groups[1].Value]);
        return socket;
    }

    // Blazor adds one component per call, and only with a marker from a page that was not used before.
    private async Task AddComponentsAsync(ClientWebSocket circuit, int copies, string name = "operations")
    {
        for (var copy = 0; copy < copies && circuit.State == WebSocketState.Open; copy++)
        {
            var page = (await Portal.NewBrowser().GetAsync("/")).Body;
            var operation = $$"""{"type":"add","ssrComponentId":{{++_components}},"marker":{{Marker().Match(page).Groups[1].Value}}}""";
            await SendAsync(
                circuit, null, "UpdateRootComponents",
                [$$"""{"batchId":{{_components}},"{{name}}":[{{operation}}]}""", State().Match(page).Groups[1].Value]);
        }
    }

    // Returns whether the circuit renders before it closes. Replies to its JavaScript calls, because it waits for them.
    private static async Task<bool> RendersAsync(ClientWebSocket circuit)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var buffer = new byte[64 * 1024];
        while (circuit.State == WebSocketState.Open)
        {
            try
            {
                var received = await circuit.ReceiveAsync(buffer, timeout.Token);
                if (buffer.AsSpan(0, received.Count).IndexOf("JS.RenderBatch"u8) >= 0) return true;
                var call = buffer.AsSpan(0, received.Count).IndexOf("JS.BeginInvokeJS"u8);
                if (call < 0) continue;
                long task = buffer[call + "JS.BeginInvokeJS"u8.Length + 1];
                await SendAsync(circuit, null, "EndInvokeJSFromDotNet", [task, true, $"[{task},true,null]"]);
            }
            catch (WebSocketException)
            {
                return false;
            }
        }
        return false;
    }

    // Sends a length-prefixed MessagePack invocation (SignalR hub protocol).
    private static async Task SendAsync(ClientWebSocket circuit, string? id, string method, IReadOnlyList<object> arguments)
    {
        List<byte> body = [0x96, 0x01, 0x80];
        if (id is null) body.Add(0xc0);
        else AddText(body, id);
        AddText(body, method);
        body.Add((byte)(0x90 | arguments.Count));
        foreach (var argument in arguments)
        {
            if (argument is bool flag) body.Add(flag ? (byte)0xc3 : (byte)0xc2);
            else if (argument is long number) body.AddRange([0xd3, .. BitConverter.GetBytes(IPAddress.HostToNetworkOrder(number))]);
            else AddText(body, (string)argument);
        }
        body.Add(0x90);
        List<byte> message = [];
        var length = body.Count;
        for (; length > 0x7f; length >>= 7) message.Add((byte)(length | 0x80));
        message.Add((byte)length);
        message.AddRange(body);
        await circuit.SendAsync(message.ToArray(), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
    }

    private static void AddText(List<byte> body, string value)
    {
        var text = Encoding.UTF8.GetBytes(value);
        body.Add(0xdb);
        body.AddRange(BitConverter.GetBytes(IPAddress.HostToNetworkOrder(text.Length)));
        body.AddRange(text);
    }

    [GeneratedRegex("<!--Blazor:(\\{\"type\":\"server\".*?\\})-->", RegexOptions.Singleline, 1000)]
    private static partial Regex Marker();

    [GeneratedRegex("<!--Blazor-Server-Component-State:([^-]+)-->", RegexOptions.None, 1000)]
    private static partial Regex State();

    public sealed class BehindProxy : IAsyncLifetime
    {
        public PortalHost Portal { get; private set; } = null!;

        public async Task InitializeAsync() => Portal = await PortalHost.StartAsync(("TRUSTED_PROXIES", "127.0.0.0/8"));

        public Task DisposeAsync() => Portal.DisposeAsync().AsTask();
    }
}
