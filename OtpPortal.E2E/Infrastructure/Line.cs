using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// A TCP forwarder between browser and portal that can delay, refuse and cut WebSockets, like slow networks and old
/// proxies. Unlike the tools of the browser, it keeps the real WebSocket implementation.
/// </summary>
public sealed class Line : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, FreePort.Next());
    private readonly CancellationTokenSource _end = new();
    private TaskCompletionSource _webSockets = Opened();
    private volatile bool _refuseWebSockets;
    private readonly ConcurrentBag<TcpClient> _open = [];
    private Task _work = Task.CompletedTask;

    public string Url => $"http://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Reserves the port without forwarding yet.</summary>
    public void Listen() => _listener.Start();

    public void ForwardTo(int port) => _work = AcceptAsync(port);

    /// <summary>Delays new WebSockets until <see cref="Release"/>.</summary>
    public void HoldWebSockets() => _webSockets = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Refuses new WebSockets.</summary>
    public void RefuseWebSockets() => _refuseWebSockets = true;

    /// <summary>Cuts all open WebSockets, like a phone in a tunnel, and delays new ones.</summary>
    public void Cut()
    {
        HoldWebSockets();
        while (_open.TryTake(out var browser)) browser.Close();
    }

    public void Release()
    {
        _refuseWebSockets = false;
        _webSockets.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        Release();
        _listener.Stop();
        await _work;
        _end.Dispose();
    }

    private static TaskCompletionSource Opened()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private async Task AcceptAsync(int port)
    {
        try
        {
            while (true)
            {
                var browser = await _listener.AcceptTcpClientAsync(_end.Token);
                _ = ForwardAsync(browser, port);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The test has ended.
        }
    }

    private async Task ForwardAsync(TcpClient browser, int port)
    {
        try
        {
            using var near = browser;
            var nearStream = near.GetStream();
            var start = new byte[16 * 1024];
            var length = await nearStream.ReadAsync(start, _end.Token);
            // Browsers use a separate connection for each WebSocket, so the first line identifies it.
            if (Encoding.ASCII.GetString(start, 0, length).StartsWith("GET /_blazor", StringComparison.Ordinal))
            {
                if (_refuseWebSockets) return;
                await _webSockets.Task;
                _open.Add(browser);
            }
            using var far = new TcpClient();
            await far.ConnectAsync(IPAddress.Loopback, port, _end.Token);
            var farStream = far.GetStream();
            await farStream.WriteAsync(start.AsMemory(0, length), _end.Token);
            await Task.WhenAny(nearStream.CopyToAsync(farStream, _end.Token), farStream.CopyToAsync(nearStream, _end.Token));
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // One side closed the connection.
        }
    }
}

/// <summary>A portal that browsers reach through a <see cref="E2E.Infrastructure.Line"/>.</summary>
public sealed class UnreliableConnectionStage : Stage
{
    public Line Line { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["PUBLIC_URL"] = Line.Url,
        ["OTP_RESEND_COOLDOWN"] = "0",
    };

    public override async Task InitializeAsync()
    {
        Line.Listen();
        await base.InitializeAsync();
        Line.ForwardTo(Portal.Port);
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await Line.DisposeAsync();
    }
}
