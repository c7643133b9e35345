using System.Text;
using StackExchange.Redis;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>The contents of Redis databases.</summary>
public sealed record StoreDump(IReadOnlyList<StoreDump.Entry> Entries)
{
    /// <summary>One key.</summary>
    public sealed record Entry(int Database, string Key, string Content, TimeSpan? TimeToLive);

    /// <summary>Gets all keys and values as text, with bytes decoded as Latin-1.</summary>
    public string Text => string.Join('\n', Entries.Select(entry => entry.Key + " " + entry.Content));

    /// <summary>Gets a comparable snapshot without statistics and audit log, which are written asynchronously.</summary>
    public string State => string.Join('\n', Entries
        .Where(entry => !entry.Key.StartsWith("stats:", StringComparison.Ordinal) && entry.Key is not ("audit" or "audit:admin"))
        .Select(entry => entry.Key + " " + entry.Content).Order(StringComparer.Ordinal));

    public IReadOnlyList<string> Keys => [.. Entries.Select(entry => entry.Key)];

    /// <summary>Gets the keys without an expiry.</summary>
    public IReadOnlyList<string> WithoutExpiry => [.. Entries.Where(entry => entry.TimeToLive is null).Select(entry => entry.Key)];

    public static StoreDump Of(ConnectionMultiplexer connection, params int[] databases)
    {
        var entries = new List<Entry>();
        // Each primary of a cluster has a part of the keys.
        var servers = connection.GetEndPoints().Select(server => connection.GetServer(server)).Where(server => !server.IsSlave).ToArray();
        foreach (var (number, server) in databases.Distinct().SelectMany(number => servers.Select(server => (number, server))))
        {
            var database = connection.GetDatabase(number);
            foreach (var key in server.Keys(number, pageSize: 1000))
            {
                var entry = new Entry(number, key!, Content(database, key), database.KeyTimeToLive(key));
                // A key without a time to live is either permanent or has expired since it was listed.
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
