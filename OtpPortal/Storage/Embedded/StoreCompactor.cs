using System.Net;
using StackExchange.Redis;

namespace OtpPortal.Storage.Embedded;

/// <summary>Copies a store's live keys into a new, shorter log.</summary>
internal static class StoreCompactor
{
    /// <summary>Copies the live keys of the log in <paramref name="from"/> to a new log in <paramref name="to"/>.</summary>
    public static async Task CopyAsync(string from, string to, string password, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var (source, sourceEndPoint) = GarnetHost.ListenOnFreePort(from, password, loggers);
        using (source)
        {
            var (target, targetEndPoint) = GarnetHost.ListenOnFreePort(to, password, loggers);
            using (target) await CopyAsync(sourceEndPoint, targetEndPoint, password, cancellationToken);
        }
        // The large buffers of two servers have just become garbage; the runtime would hold on to that memory for a long time.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private static async Task CopyAsync(
        IPEndPoint sourceEndPoint, IPEndPoint targetEndPoint, string password, CancellationToken cancellationToken)
    {
        using var source = await GarnetHost.ConnectAsync(sourceEndPoint, password);
        using var target = await GarnetHost.ConnectAsync(targetEndPoint, password);
        for (var number = 0; number < GarnetHost.Databases; number++)
        {
            var from = source.GetDatabase(number);
            var to = target.GetDatabase(number);
            foreach (var keys in source.GetServer(sourceEndPoint).Keys(number, pageSize: 1000).Chunk(500))
            {
                cancellationToken.ThrowIfCancellationRequested();
                await Task.WhenAll(keys.Select(key => CopyKeyAsync(from, to, key)));
            }
        }
    }

    private static async Task CopyKeyAsync(IDatabase from, IDatabase to, RedisKey key)
    {
        // The lifetime is read before the value: in the other order, a key that expires in between would be restored without a
        // lifetime and never expire. A key that has expired by then is not copied.
        var now = DateTime.UtcNow;
        var timeToLive = from.KeyTimeToLiveAsync(key);
        var type = await from.KeyTypeAsync(key);
        switch (type)
        {
            case RedisType.String:
                if (await from.StringGetAsync(key) is { IsNull: false } text) await to.StringSetAsync(key, text);
                break;
            case RedisType.Hash:
                if (await from.HashGetAllAsync(key) is { Length: > 0 } fields) await to.HashSetAsync(key, fields);
                break;
            case RedisType.List:
                if (await from.ListRangeAsync(key) is { Length: > 0 } items) await to.ListRightPushAsync(key, items);
                break;
            case RedisType.Set:
                if (await from.SetMembersAsync(key) is { Length: > 0 } members) await to.SetAddAsync(key, members);
                break;
            case RedisType.SortedSet:
                if (await from.SortedSetRangeByRankWithScoresAsync(key) is { Length: > 0 } entries)
                    await to.SortedSetAddAsync(key, entries);
                break;
            case RedisType.None:
                return;
            default:
                throw new NotSupportedException($"A key of type {type} cannot be copied.");
        }

        if (await timeToLive is { } left) await to.KeyExpireAsync(key, now + left);
    }
}
