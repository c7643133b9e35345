using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Histories.Running;

/// <summary>A TCP relay between a portal and a node of the store that can partition them.</summary>
internal sealed class RedisLink : IDisposable
{
    private readonly TcpListener _listener;
    private readonly ConcurrentDictionary<Connection, byte> _connections = new();
    private readonly CancellationTokenSource _end = new();
    private readonly string _name;
    private readonly int _target;
    private volatile Mode _mode = Mode.Open;
    private volatile TaskCompletionSource _flow = Completed();

    public RedisLink(string name, int target)
    {
        (_name, _target) = (name, target);
        _listener = new TcpListener(IPAddress.Loopback, FreePort.Next());
        _listener.Start();
        _ = Task.Run(AcceptAsync);
    }

    private enum Mode
    {
        Open,

        // Holds back both directions. Connections can be opened.
        Stalled,

        // Closes all connections, open and new.
        Refused,

        // Forwards requests and discards replies: the node executes what the portal never learns.
        Muted,
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Gets what the nemesis can do to the link.</summary>
    public IEnumerable<FaultAction> Faults =>
        from fault in ((string, Mode)[])[("stall", Mode.Stalled), ("refuse", Mode.Refused), ("mute", Mode.Muted)]
        select new FaultAction(fault.Item1, _name, () => Set(fault.Item2), () => Set(Mode.Open));

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _flow.TrySetResult();
        foreach (var connection in _connections.Keys) connection.Dispose();
        _end.Dispose();
    }

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private Task Set(Mode mode)
    {
        _mode = mode;
        if (mode == Mode.Stalled) _flow = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        else _flow.TrySetResult();
        foreach (var connection in _connections.Keys.Where(connection => mode == Mode.Refused || connection.HasLostBytes))
            connection.Dispose();
        return Task.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_end.Token);
                _ = Task.Run(() => ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The run has ended.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var connection = new Connection(client, server);
        _connections.TryAdd(connection, 0);
        try
        {
            await _flow.Task;
            if (_mode == Mode.Refused) return;
            await server.ConnectAsync(IPAddress.Loopback, _target);
            client.NoDelay = server.NoDelay = true;
            await Task.WhenAny(PassAsync(client, server, connection, isReply: false), PassAsync(server, client, connection, isReply: true));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The node is down, or the nemesis has closed the connection.
        }
        finally
        {
            _connections.TryRemove(connection, out _);
        }
    }

    private async Task PassAsync(Socket from, Socket to, Connection connection, bool isReply)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                await _flow.Task;
                if (_mode == Mode.Muted && isReply) connection.HasLostBytes = true;
                // After lost bytes, the client would take a later reply for an earlier one.
                if (!(isReply && connection.HasLostBytes)) await to.SendAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side has closed the connection.
        }
    }

    private sealed class Connection(Socket client, Socket server) : IDisposable
    {
        private volatile bool _hasLostBytes;

        public bool HasLostBytes
        {
            get => _hasLostBytes;
            set => _hasLostBytes = value;
        }

        public void Dispose()
        {
            client.Dispose();
            server.Dispose();
        }
    }
}
