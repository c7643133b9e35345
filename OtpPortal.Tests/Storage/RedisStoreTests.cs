using System.Net;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Storage;

/// <summary>The connection itself.</summary>
public sealed class RedisStoreTests
{
    [Fact]
    public async Task After_a_hung_server_a_new_connection_is_tried_until_there_is_one()
    {
        using var redis = RedisServer.Start();
        var tries = 0;
        using var store = RedisStore.Connect(
            "tests", new RedisAddress(new IPEndPoint(IPAddress.Loopback, redis.Port), Password: null, Tls: false, 0), options =>
            Interlocked.Increment(ref tries) is 2 or 3
                ? throw new InvalidOperationException("no file handle is left") : ConnectionMultiplexer.Connect(options));
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
