using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests the Redis connection.</summary>
public sealed class RedisStoreTests
{
    [Fact]
    public async Task Reconnection_is_retried_until_it_succeeds_after_the_server_hung()
    {
        using var redis = RedisServer.Start();
        var tries = 0;
        using var store = RedisStore.Connect(
            "tests", new RedisAddress(new IPEndPoint(IPAddress.Loopback, redis.Port), Password: null, Tls: false, 0), NullLogger.Instance,
            options =>
            Interlocked.Increment(ref tries) is 2 or 3
                ? throw new InvalidOperationException("no file handle is left") : ConnectionMultiplexer.ConnectAsync(options));
        await store.PingAsync();

        redis.Pause();
        try
        {
            await Eventually.BeTrueAsync(() => Volatile.Read(ref tries) > 3);
        }
        finally
        {
            redis.Continue();
        }

        await Eventually.BeTrueAsync(async () => store.IsConnected && await store.Database.StringSetAsync("back", "again"));
    }
}
