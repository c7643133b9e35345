using System.Diagnostics;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>A connection to one of the two databases.</summary>
public sealed class RedisStore : IDisposable
{
    // A hung server (not down: merely silent) must not hold requests: nothing we ask of Redis takes longer than milliseconds.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly ConnectionMultiplexer _connection;

    private RedisStore(string name, ConnectionMultiplexer connection, int database)
    {
        Name = name;
        _connection = connection;
        Database = Impatient.Over(connection.GetDatabase(database), s_patience);
    }

    /// <summary>What <c>/readyz</c> calls it: <c>otp</c> or <c>auth</c>.</summary>
    public string Name { get; }

    public IDatabase Database { get; }

    /// <summary>False as soon as the connection is known to be lost.</summary>
    public bool IsConnected => _connection.IsConnected;

    public ISubscriber Subscriber => _connection.GetSubscriber();

    /// <summary>Connects; returns also when the server does not answer, and keeps trying in the background.</summary>
    public static RedisStore Connect(string name, RedisAddress address)
    {
        var connection = ConnectionMultiplexer.Connect(address.ToOptions("otpportal-" + name));
        // With the client's default, a continuation that blocks the reader thread would hang every later call.
        connection.PreserveAsyncOrder = false;
        return new RedisStore(name, connection, address.Database);
    }

    /// <summary>The time of one round trip; throws when there is none within two seconds.</summary>
    public async Task<TimeSpan> PingAsync()
    {
        var start = Stopwatch.GetTimestamp();
        await Database.PingAsync();
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>The server's own clock.</summary>
    public async Task<DateTimeOffset> TimeAsync() =>
        new(await _connection.GetServer(_connection.GetEndPoints()[0]).TimeAsync().WaitAsync(s_patience), TimeSpan.Zero);

    public void Dispose() => _connection.Dispose();
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
