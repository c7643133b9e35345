using System.Diagnostics;
using System.Net.Sockets;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>A connection to one of the two databases.</summary>
public sealed class RedisStore : IDisposable
{
    // This client version has no timeout for asynchronous calls, and an unresponsive server must not block requests. Closing
    // the connection fails all pending calls, but under heavy load a response is late rather than lost. It is therefore closed
    // only if a second connection gets no response either, or gets one while this one still does not.
    private static readonly TimeSpan s_pingInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_commandTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_suspicionDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_halfOpenTimeout = TimeSpan.FromSeconds(5);

    private readonly RedisAddress _address;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Func<ConfigurationOptions, ConnectionMultiplexer> _connect;
    private volatile Link _link;

    private RedisStore(string name, RedisAddress address, Func<ConfigurationOptions, ConnectionMultiplexer> connect)
    {
        Name = name;
        _address = address;
        _connect = connect;
        _link = Open();
        _ = Task.Run(WatchAsync);
    }

    /// <summary>The name in <c>/readyz</c>: <c>otp</c> or <c>auth</c>.</summary>
    public string Name { get; }

    public IDatabase Database => _link.Database;

    /// <summary>Whether the connection is up, as far as known.</summary>
    public bool IsConnected => _link.Connection.IsConnected;

    public ISubscriber Subscriber => _link.Connection.GetSubscriber();

    /// <summary>Connects. Also returns if the server is unavailable, and keeps retrying in the background.</summary>
    public static RedisStore Connect(string name, RedisAddress address) =>
        Connect(name, address, options => ConnectionMultiplexer.Connect(options));

    internal static RedisStore Connect(string name, RedisAddress address, Func<ConfigurationOptions, ConnectionMultiplexer> connect) =>
        new(name, address, connect);

    /// <summary>Returns the round-trip time of a ping.</summary>
    /// <exception cref="TimeoutException">The server did not respond within two seconds.</exception>
    public async Task<TimeSpan> PingAsync()
    {
        var start = Stopwatch.GetTimestamp();
        await Database.PingAsync().WaitAsync(s_commandTimeout);
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Returns the server's current time.</summary>
    public async Task<DateTimeOffset> TimeAsync()
    {
        var connection = _link.Connection;
        return new(await connection.GetServer(connection.GetEndPoints()[0]).TimeAsync().WaitAsync(s_commandTimeout), TimeSpan.Zero);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _link.Connection.Dispose();
        _stopping.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(s_pingInterval);
            Link? closed = null;
            while (await timer.WaitForNextTickAsync(_stopping.Token))
            {
                try
                {
                    closed ??= await IsUnresponsiveAsync() ? _link : null;
                    if (closed is null) continue;
                    closed.Connection.Close(allowCommandsToComplete: false);
                    _link = Open();
                    // Dispose has run in the meantime, and disposed the previous connection.
                    if (_stopping.IsCancellationRequested) _link.Connection.Dispose();
                    closed.Connection.Dispose();
                    closed = null;
                }
                catch (Exception) when (!_stopping.IsCancellationRequested)
                {
                    // The new connection could not be opened (no file handle, no name server). The loop retries, because
                    // nothing else would.
                }
            }
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // The store is being disposed.
        }
    }

    private async Task<bool> IsUnresponsiveAsync()
    {
        if (!IsConnected) return false;
        var pong = Database.PingAsync();
        if (await CompletesAsync(pong, s_suspicionDelay)) return false;
        var serverAnswers = await AnswersOnAnotherConnectionAsync();
        return !await CompletesAsync(pong, serverAnswers ? s_halfOpenTimeout : TimeSpan.Zero);
    }

    /// <summary>
    /// Returns whether the server responds on a new connection. Any response counts: without the password it is an error.
    /// </summary>
    private async Task<bool> AnswersOnAnotherConnectionAsync()
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(s_commandTimeout);
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(_address.EndPoint, timeout.Token);
            await socket.SendAsync("PING\r\n"u8.ToArray(), timeout.Token);
            await socket.ReceiveAsync(new byte[64], timeout.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    // Waits in short steps: if the thread pool is starved, each step is delayed as much as the response is.
    private async Task<bool> CompletesAsync(Task pong, TimeSpan within)
    {
        for (var waited = TimeSpan.Zero; !pong.IsCompleted && waited <= within; waited += s_pingInterval)
        {
            await Task.WhenAny(pong, Task.Delay(s_pingInterval, _stopping.Token));
        }
        return pong.IsCompleted;
    }

    private Link Open()
    {
        var connection = _connect(_address.ToOptions("otpportal-" + Name)).WithPooledContinuations();
        return new Link(connection, connection.GetDatabase(_address.Database));
    }

    private sealed record Link(ConnectionMultiplexer Connection, IDatabase Database);
}

/// <summary>The portal's two databases: codes and limits in one, tokens and keys in the other.</summary>
public sealed class Stores(RedisStore otp, RedisStore auth, IDisposable? embedded) : IDisposable
{
    public RedisStore Otp { get; } = otp;

    public RedisStore Auth { get; } = auth;

    public bool AreConnected => Otp.IsConnected && Auth.IsConnected;

    /// <summary>
    /// Returns true as soon as both are connected, or false if they are not within <paramref name="patience"/>.
    /// </summary>
    public async Task<bool> ReconnectsAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (!AreConnected)
        {
            if (Stopwatch.GetElapsedTime(start) > patience) return false;
            await Task.Delay(TimeSpan.FromMilliseconds(25), cancellationToken);
        }
        return true;
    }

    public void Dispose()
    {
        Otp.Dispose();
        Auth.Dispose();
        embedded?.Dispose();
    }
}

/// <summary>Distinguishes an unavailable store from a bug.</summary>
public static class StoreFailure
{
    /// <summary>
    /// Returns whether the exception means that Redis is down, restarting, loading or unresponsive. The response is then 503.
    /// </summary>
    public static bool Is(Exception? exception) => exception switch
    {
        null => false,
        RedisConnectionException or RedisTimeoutException => true,
        // A connection that was replaced while in use.
        ObjectDisposedException { ObjectName: var name } => name.Contains("Redis", StringComparison.Ordinal)
            || name.Contains("Multiplexer", StringComparison.Ordinal) || name.StartsWith("otpportal", StringComparison.Ordinal),
        RedisServerException server => IsUnavailable(server.Message),
        TimeoutException => true,
        RedisException => true,
        AggregateException many => many.InnerExceptions.Any(Is),
        _ => Is(exception.InnerException),
    };

    private static bool IsUnavailable(string message) =>
        message.StartsWith("LOADING", StringComparison.Ordinal)
        || message.StartsWith("READONLY", StringComparison.Ordinal)
        || message.StartsWith("MISCONF", StringComparison.Ordinal)
        || message.StartsWith("OOM", StringComparison.Ordinal)
        || message.StartsWith("MASTERDOWN", StringComparison.Ordinal)
        || message.StartsWith("NOAUTH", StringComparison.Ordinal);
}
