using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A TCP relay that can hold back traffic without closing connections.</summary>
internal sealed class TcpRelay : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, FreePort.Next());
    private readonly ConcurrentBag<Connection> _connections = [];
    private readonly CancellationTokenSource _end = new();
    private readonly int _target;

    public TcpRelay(int target)
    {
        _target = target;
        _listener.Start();
        _ = Task.Run(AcceptAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Gets the number of connections opened so far.</summary>
    public int Opened => _connections.Count;

    /// <summary>
    /// Holds back all traffic of the currently open connections until <see cref="Thaw"/>. New connections work.
    /// </summary>
    public void Freeze()
    {
        foreach (var connection in _connections) connection.Freeze();
    }

    /// <summary>Forwards the traffic that was held back.</summary>
    public void Thaw()
    {
        foreach (var connection in _connections) connection.Thaw();
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        foreach (var connection in _connections) connection.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_end.Token);
                var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await server.ConnectAsync(IPAddress.Loopback, _target, _end.Token);
                _connections.Add(new Connection(client, server));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private sealed class Connection : IDisposable
    {
        private readonly Socket _client;
        private readonly Socket _server;
        private volatile TaskCompletionSource _open = Opened();

        public Connection(Socket client, Socket server)
        {
            (_client, _server) = (client, server);
            client.NoDelay = true;
            _ = Task.Run(() => PassAsync(client, server));
            _ = Task.Run(() => PassAsync(server, client));
        }

        public void Freeze() => _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Thaw() => _open.TrySetResult();

        public void Dispose()
        {
            Thaw();
            _client.Dispose();
            _server.Dispose();
        }

        private static TaskCompletionSource Opened()
        {
            var open = new TaskCompletionSource();
            open.SetResult();
            return open;
        }

        private async Task PassAsync(Socket from, Socket to)
        {
            try
            {
                var buffer = new byte[16 * 1024];
                while (await from.ReceiveAsync(buffer) is > 0 and var count)
                {
                    await _open.Task;
                    await to.SendAsync(buffer.AsMemory(0, count));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // One side closed the connection.
            }
            to.Dispose();
        }
    }
}
