using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>What differs between the versions of StackExchange.Redis that the portal builds with: 1.2.6 and 3.x.</summary>
internal static class RedisClientVersion
{
    /// <summary>
    /// Lets calls continue on the thread pool, which 3.x always does. With the default of 1.2.6, a continuation that blocks the reader
    /// thread hangs every later call.
    /// </summary>
    public static ConnectionMultiplexer WithPooledContinuations(this ConnectionMultiplexer connection)
    {
#if STACKEXCHANGE_REDIS_1
        connection.PreserveAsyncOrder = false;
#endif
        return connection;
    }

    /// <summary>Gets the channel of exactly this name, whatever characters it has.</summary>
    public static RedisChannel Channel(string name) =>
#if STACKEXCHANGE_REDIS_1
        new(name, RedisChannel.PatternMode.Literal);
#else
        RedisChannel.Literal(name);
#endif
}
