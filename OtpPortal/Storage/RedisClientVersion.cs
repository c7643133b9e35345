using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>Handles the differences between StackExchange.Redis 1.2.6 and 3.x. The portal builds with both.</summary>
internal static class RedisClientVersion
{
    /// <summary>
    /// Makes continuations run on the thread pool, as 3.x always does. By default, a continuation in 1.2.6 that blocks the
    /// reader thread hangs all later calls.
    /// </summary>
    public static ConnectionMultiplexer WithPooledContinuations(this ConnectionMultiplexer connection)
    {
#if STACKEXCHANGE_REDIS_1
        connection.PreserveAsyncOrder = false;
#endif
        return connection;
    }
}
