using System.Diagnostics;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>A connection to one of the two databases.</summary>
public sealed class RedisStore : IDisposable
{
    // A hung server (not down: merely silent) must not hold requests: nothing we ask of Redis takes longer than milliseconds. This version of
    // the client lets asynchronous calls wait for ever; one ping that is not answered tells for all of them, and costs each of them nothing.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_watch = TimeSpan.FromMilliseconds(250);

    private readonly RedisAddress _address;
    private readonly CancellationTokenSource _gone = new();
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

    /// <summary>What <c>/readyz</c> calls it: <c>otp</c> or <c>auth</c>.</summary>
    public string Name { get; }

    public IDatabase Database => _link.Database;

    /// <summary>False as soon as the connection is known to be lost.</summary>
    public bool IsConnected => _link.Connection.IsConnected;

    public ISubscriber Subscriber => _link.Connection.GetSubscriber();

    /// <summary>Connects; returns also when the server does not answer, and keeps trying in the background.</summary>
    public static RedisStore Connect(string name, RedisAddress address) => Connect(name, address, options => ConnectionMultiplexer.Connect(options));

    internal static RedisStore Connect(string name, RedisAddress address, Func<ConfigurationOptions, ConnectionMultiplexer> connect) => new(name, address, connect);

    /// <summary>The time of one round trip; throws when there is none within two seconds.</summary>
    public async Task<TimeSpan> PingAsync()
    {
        var start = Stopwatch.GetTimestamp();
        await Database.PingAsync().WaitAsync(s_patience);
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>The server's own clock.</summary>
    public async Task<DateTimeOffset> TimeAsync()
    {
        var connection = _link.Connection;
        return new(await connection.GetServer(connection.GetEndPoints()[0]).TimeAsync().WaitAsync(s_patience), TimeSpan.Zero);
    }

    public void Dispose()
    {
        _gone.Cancel();
        _link.Connection.Dispose();
        _gone.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(s_watch);
            Link? closed = null;
            while (await timer.WaitForNextTickAsync(_gone.Token))
            {
                try
                {
                    closed ??= await HangsAsync() ? _link : null;
                    if (closed is null) continue;
                    // Closing fails every call that waits; the next connection succeeds when the server comes to.
                    closed.Connection.Close(allowCommandsToComplete: false);
                    _link = Open();
                    // Disposed of meanwhile, with the connection of before.
                    if (_gone.IsCancellationRequested) _link.Connection.Dispose();
                    closed.Connection.Dispose();
                    closed = null;
                }
                catch (Exception) when (!_gone.IsCancellationRequested)
                {
                    // Down, not hung: the client knows, and reconnects by itself. Or there is no new connection to be had at the moment (no
                    // file handle, no name server): nobody else would open one, so that is tried again, whatever it was.
                }
            }
        }
        catch (Exception) when (_gone.IsCancellationRequested)
        {
            // The store is being disposed.
        }
    }

    private async Task<bool> HangsAsync()
    {
        if (!IsConnected) return false;
        var pong = Database.PingAsync();
        try
        {
            await pong.WaitAsync(s_patience);
            return false;
        }
        catch (TimeoutException)
        {
            // On a machine that is out of breath the answer may be there, and only its news late, as late as that of the time-out.
            await Task.Delay(s_watch, _gone.Token);
            return !pong.IsCompleted;
        }
    }

    private Link Open()
    {
        var connection = _connect(_address.ToOptions("otpportal-" + Name));
        // With the client's default, a continuation that blocks the reader thread would hang every later call.
        connection.PreserveAsyncOrder = false;
        return new Link(connection, connection.GetDatabase(_address.Database));
    }

    private sealed record Link(ConnectionMultiplexer Connection, IDatabase Database);
}

/// <summary>The two databases of the portal: codes and limits in one, tokens and keys in the other.</summary>
public sealed class Stores(RedisStore otp, RedisStore auth, IDisposable? embedded) : IDisposable
{
    public RedisStore Otp { get; } = otp;

    public RedisStore Auth { get; } = auth;

    public bool AreConnected => Otp.IsConnected && Auth.IsConnected;

    public void Dispose()
    {
        Otp.Dispose();
        Auth.Dispose();
        embedded?.Dispose();
    }
}

/// <summary>Tells a store that is away from a fault of ours.</summary>
public static class StoreFailure
{
    /// <summary>True when the exception means that Redis is down, restarting, loading or silent; the answer is then 503.</summary>
    public static bool Is(Exception? exception) => exception switch
    {
        null => false,
        RedisConnectionException or RedisTimeoutException => true,
        // A connection that was given up while it was being used.
        ObjectDisposedException { ObjectName: var name } => name.Contains("Redis", StringComparison.Ordinal) || name.Contains("Multiplexer", StringComparison.Ordinal) || name.StartsWith("otpportal", StringComparison.Ordinal),
        RedisServerException server => IsAway(server.Message),
        TimeoutException => true,
        RedisException => true,
        AggregateException many => many.InnerExceptions.Any(Is),
        _ => Is(exception.InnerException),
    };

    private static bool IsAway(string message) =>
        message.StartsWith("LOADING", StringComparison.Ordinal)
        || message.StartsWith("READONLY", StringComparison.Ordinal)
        || message.StartsWith("MISCONF", StringComparison.Ordinal)
        || message.StartsWith("OOM", StringComparison.Ordinal)
        || message.StartsWith("MASTERDOWN", StringComparison.Ordinal)
        || message.StartsWith("NOAUTH", StringComparison.Ordinal);
}
