using System.Security.Cryptography;
using System.Text;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>Indexes the sessions by creation, last use and address.</summary>
/// <remarks>
/// Key layout in the token database, where n is a shard from 0 to 15:
/// <code>
/// created:{n}  zset  {position}, sharded by the session's id
/// seen:{n}     zset  {sid}, scored by last use in Unix milliseconds, sharded by the session's id
/// address:{n}  zset  {email}\0{position}, sharded by the address
/// </code>
/// A position is the creation time and the id (<see cref="SessionEntry.Position"/>). All scores of the first and the last are 0, so
/// they are sorted by bytes. An index of ten million sessions is spread over 16 keys of at most 700,000 entries, on any nodes of
/// a cluster. An entry can outlive its session, for example if the session expires: readers look up each session and remove the
/// entries of expired ones. Using a session adds its entries again, so entries that a failover has lost come back.
/// </remarks>
public sealed class SessionIndex(Stores stores)
{
    /// <summary>Number of keys of each index.</summary>
    internal const int Shards = 16;

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Adds a session, or updates its last use.</summary>
    internal Task AddAsync(SessionEntry entry, DateTimeOffset seen) => Task.WhenAll(
        Database.SortedSetAddAsync(Key(SessionOrder.Created, ShardOf(entry)), entry.Position, 0),
        Database.SortedSetAddAsync(Key(SessionOrder.LastSeen, ShardOf(entry)), entry.Sid, seen.ToUnixTimeMilliseconds()),
        Database.SortedSetAddAsync(Key(SessionOrder.Email, ShardOf(entry.Email!)), AddressOf(entry), 0));

    /// <summary>Removes a session. What the entry does not know remains until the next cleanup.</summary>
    internal Task RemoveAsync(SessionEntry entry)
    {
        var work = new List<Task>(3)
        {
            Database.SortedSetRemoveAsync(Key(SessionOrder.LastSeen, ShardOf(entry)), entry.Sid),
        };
        if (entry.Position is { } position)
        {
            work.Add(Database.SortedSetRemoveAsync(Key(SessionOrder.Created, ShardOf(entry)), position));
            if (entry.Email is { } email)
                work.Add(Database.SortedSetRemoveAsync(Key(SessionOrder.Email, ShardOf(email)), AddressOf(entry)));
        }
        return Task.WhenAll(work);
    }

    /// <summary>
    /// Returns the first entries of an order, and how many there are, including those of expired sessions. Each shard is read up
    /// to <paramref name="take"/> entries, because all of them can be in one.
    /// </summary>
    /// <param name="prefix">Only addresses with this prefix, which requires <see cref="SessionOrder.Email"/>.</param>
    internal async Task<(List<SessionEntry> Entries, long Total)> FirstAsync(
        SessionOrder order, string prefix, bool descending, int take)
    {
        var shards = await Task.WhenAll(
            Enumerable.Range(0, Shards).Select(shard => FirstAsync(Key(order, shard), prefix, descending, take)));
        var entries = shards.SelectMany(shard => shard.Entries).ToList();
        entries.Sort((a, b) => (descending ? -1 : 1) * Compare(a, b));
        Func<string, SessionEntry> parse = order switch
        {
            SessionOrder.Created => SessionEntry.FromPosition,
            SessionOrder.LastSeen => SessionEntry.FromSid,
            _ => SessionEntry.FromAddress,
        };
        return ([.. entries.Take(take).Select(entry => parse((string)entry.Element!))], shards.Sum(shard => shard.Total));
    }

    /// <summary>Returns the sessions of an address, newest first.</summary>
    internal async Task<SessionEntry[]> OfUserAsync(string email)
    {
        var members = await Database.SortedSetBetweenAsync(
            Key(SessionOrder.Email, ShardOf(email)), email + '\0', email + '\u0001');
        Array.Reverse(members);
        return [.. members.Select(member => SessionEntry.FromAddress((string)member!))];
    }

    /// <summary>
    /// Reads up to <paramref name="take"/> entries after a cursor, of one address or of all sessions: shard by shard, each oldest
    /// first.
    /// </summary>
    /// <returns>The entries, possibly none, and the cursor to continue from, or null at the end of the index.</returns>
    internal async Task<(SessionEntry[] Entries, SessionCursor? Next)> ReadAsync(string? email, SessionCursor? after, int take)
    {
        var (shard, position) = after is null ? (0, "") : (after.Shard, after.After);
        var members = email is null
            ? await Database.SortedSetBetweenAsync(
                Key(SessionOrder.Created, shard), position.Length == 0 ? default : position, default, take)
            : await Database.SortedSetBetweenAsync(
                Key(SessionOrder.Email, ShardOf(email)), email + '\0' + position, email + '\u0001', take);
        SessionEntry[] entries = email is null
            ? [.. members.Select(member => SessionEntry.FromPosition((string)member!))]
            : [.. members.Select(member => SessionEntry.FromAddress((string)member!))];
        if (members.Length == take) return (entries, new SessionCursor(shard, entries[^1].Position!));
        return (entries, email is null && shard < Shards - 1 ? new SessionCursor(shard + 1, "") : null);
    }

    /// <summary>Returns entries of a shard of the addresses by rank, for the cleanup.</summary>
    internal async Task<SessionEntry[]> AddressesAsync(int shard, long first, int take)
    {
        var members = await Database.SortedSetRangeByRankAsync(
            Key(SessionOrder.Email, shard), first, first + take - 1);
        return [.. members.Select(member => SessionEntry.FromAddress((string)member!))];
    }

    private async Task<(SortedSetEntry[] Entries, long Total)> FirstAsync(RedisKey key, string prefix, bool descending, int take)
    {
        var (start, stop) = (0L, 0L);
        if (prefix.Length == 0)
        {
            stop = await Database.SortedSetLengthAsync(key);
        }
        else
        {
            var before = Database.SortedSetLengthBeforeAsync(key, prefix);
            var through = Database.SortedSetLengthBeforeAsync(key, prefix + "\u00ff");
            (start, stop) = (await before, await through);
        }
        if (start == stop) return ([], 0);
        var (first, last) = descending ? (Math.Max(start, stop - take), stop - 1) : (start, Math.Min(stop, start + take) - 1);
        return (await Database.SortedSetRangeByRankWithScoresAsync(key, first, last), stop - start);
    }

    private static int Compare(SortedSetEntry a, SortedSetEntry b) =>
        a.Score != b.Score ? a.Score.CompareTo(b.Score) : string.CompareOrdinal((string?)a.Element, (string?)b.Element);

    private static int ShardOf(SessionEntry entry) => RandomText.Alphabet.IndexOf(entry.Sid[0], StringComparison.Ordinal) % Shards;

    private static int ShardOf(string email) => SHA256.HashData(Encoding.UTF8.GetBytes(email))[0] % Shards;

    private static string AddressOf(SessionEntry entry) => entry.Email + '\0' + entry.Position;

    private static RedisKey Key(SessionOrder order, int shard) => order switch
    {
        SessionOrder.Created => $"created:{shard}",
        SessionOrder.LastSeen => $"seen:{shard}",
        _ => $"address:{shard}",
    };
}
