using System.Text;
using StackExchange.Redis;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>All that is in some databases of a Redis.</summary>
public sealed record StoreDump(IReadOnlyList<StoreDump.Entry> Entries)
{
    /// <summary>One key.</summary>
    public sealed record Entry(int Database, string Key, string Content, TimeSpan? TimeToLive);

    /// <summary>Names and values; bytes stand for the letters they would be in a text.</summary>
    public string Text => string.Join('\n', Entries.Select(entry => entry.Key + " " + entry.Content));

    /// <summary>The same for two dumps between which nothing was changed; statistics and audit log may be written a moment later.</summary>
    public string State => string.Join('\n', Entries
        .Where(entry => !entry.Key.StartsWith("stats:", StringComparison.Ordinal) && entry.Key is not ("audit" or "audit:admin"))
        .Select(entry => entry.Key + " " + entry.Content).Order(StringComparer.Ordinal));

    public IReadOnlyList<string> Keys => [.. Entries.Select(entry => entry.Key)];

    /// <summary>Keys that would stay for ever.</summary>
    public IReadOnlyList<string> WithoutExpiry => [.. Entries.Where(entry => entry.TimeToLive is null).Select(entry => entry.Key)];

    public static StoreDump Of(ConnectionMultiplexer connection, params int[] databases)
    {
        var entries = new List<Entry>();
        var server = connection.GetServer(connection.GetEndPoints()[0]);
        foreach (var number in databases)
        {
            var database = connection.GetDatabase(number);
            foreach (var key in server.Keys(number, pageSize: 1000))
            {
                var entry = new Entry(number, key!, Content(database, key), database.KeyTimeToLive(key));
                // Without a time to live, a key either stays for ever or has expired since it was listed.
                if (entry.TimeToLive is not null || database.KeyExists(key)) entries.Add(entry);
            }
        }
        return new StoreDump(entries);
    }

    private static string Content(IDatabase database, RedisKey key) => database.KeyType(key) switch
    {
        RedisType.String => Read(database.StringGet(key)),
        RedisType.Hash => string.Join(' ', database.HashGetAll(key).Select(entry => Read(entry.Name) + "=" + Read(entry.Value))),
        RedisType.List => string.Join(' ', database.ListRange(key).Select(Read)),
        RedisType.Set => string.Join(' ', database.SetMembers(key).Select(Read)),
        RedisType.SortedSet => string.Join(' ', database.SortedSetRangeByRankWithScores(key).Select(entry => Read(entry.Element))),
        _ => "",
    };

    private static string Read(RedisValue value) => Encoding.Latin1.GetString((byte[]?)value ?? []);
}
