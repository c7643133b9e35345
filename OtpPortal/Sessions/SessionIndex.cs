using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>Indexes the sessions by creation, last use and address.</summary>
/// <remarks>
/// Key layout in the token database:
/// <code>
/// sessions      zset  {sid}, scored by creation time
/// seen          zset  {sid}, scored by last use, to the minute
/// emails        zset  {email}\0{sid}, all with score 0, so sorted by bytes
/// user:{email}  zset  the {sid}s of one address, scored by creation time
/// </code>
/// Scores are Unix milliseconds. An entry can outlive its session: readers look up each session and remove the entries of
/// expired ones.
/// </remarks>
public sealed class SessionIndex(Stores stores)
{
    private const string ByCreation = "sessions";
    private const string BySeen = "seen";
    private const string ByEmail = "emails";

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Adds a session as part of a transaction.</summary>
    internal static void Add(ITransaction transaction, string sid, string email, DateTimeOffset created, TimeSpan maxAge)
    {
        var score = created.ToUnixTimeMilliseconds();
        _ = transaction.SortedSetAddAsync(ByCreation, sid, score);
        _ = transaction.SortedSetAddAsync(BySeen, sid, score);
        _ = transaction.SortedSetAddAsync(ByEmail, Member(email, sid), 0);
        _ = transaction.SortedSetAddAsync(UserKey(email), sid, score);
        _ = transaction.KeyExpireAsync(UserKey(email), maxAge);
    }

    /// <summary>Updates the last use of a session. Does not restore a removed session.</summary>
    internal Task MarkSeenAsync(string sid, DateTimeOffset now) =>
        Database.SortedSetAddAsync(BySeen, sid, now.ToUnixTimeMilliseconds(), When.Exists);

    /// <summary>Removes a session. Without the address, the entries that contain it remain until the next cleanup.</summary>
    internal Task RemoveAsync(string sid, string? email)
    {
        var work = new List<Task> { Database.SortedSetRemoveAsync(ByCreation, sid), Database.SortedSetRemoveAsync(BySeen, sid) };
        if (email is not null)
        {
            work.Add(Database.SortedSetRemoveAsync(UserKey(email), sid));
            work.Add(Database.SortedSetRemoveAsync(ByEmail, Member(email, sid)));
        }
        return Task.WhenAll(work);
    }

    /// <summary>Counts all entries, including those of expired sessions.</summary>
    internal Task<long> CountAsync(SessionOrder order) => Database.SortedSetLengthAsync(KeyOf(order));

    /// <summary>Returns the entries in a range of ranks, inclusive and zero-based.</summary>
    internal async Task<SessionEntry[]> RangeAsync(SessionOrder order, long first, long last)
    {
        if (last < first) return [];
        var members = await Database.SortedSetRangeByRankAsync(KeyOf(order), first, last);
        return [.. members.Select(member => Parse(order, (string)member!))];
    }

    /// <summary>
    /// Finds the addresses with a prefix. Returns the rank of the first one by address and the rank after the last.
    /// </summary>
    internal async Task<(long Start, long Stop)> FindAsync(string prefix)
    {
        var start = Database.SortedSetLengthByValueAsync(ByEmail, default, prefix, Exclude.Stop);
        var stop = Database.SortedSetLengthByValueAsync(ByEmail, default, prefix + "\u00ff", Exclude.Stop);
        await Task.WhenAll(start, stop);
        return (await start, await stop);
    }

    /// <summary>Returns the ids of an address's sessions, newest first.</summary>
    internal async Task<string[]> OfUserAsync(string email) =>
        [.. (await Database.SortedSetRangeByRankAsync(UserKey(email), order: Order.Descending)).Select(sid => (string)sid!)];

    /// <summary>
    /// Reads up to <paramref name="take"/> positions after a cursor, oldest first, of one address or all addresses.
    /// </summary>
    /// <returns>The positions, and the cursor to continue from, or null at the end of the index.</returns>
    internal async Task<(List<SessionCursor> Positions, SessionCursor? Next)> ReadAsync(string? email, SessionCursor? after, int take)
    {
        // Sessions created in the same millisecond share a score: read from that score on and skip those before the cursor.
        var count = take + (after?.Skip ?? 0);
        var entries = await Database.SortedSetRangeByScoreWithScoresAsync(
            email is null ? ByCreation : UserKey(email), after?.Created ?? double.NegativeInfinity, take: count);
        var positions = new List<SessionCursor>(entries.Length);
        foreach (var entry in entries)
        {
            var created = (long)entry.Score;
            var skip = positions.Count > 0 && positions[^1].Created == created ? positions[^1].Skip + 1 : 1;
            positions.Add(new SessionCursor(created, (string)entry.Element!, skip));
        }
        return (positions.FindAll(position => after is null || position.IsAfter(after)), entries.Length == count ? positions[^1] : null);
    }

    private static string KeyOf(SessionOrder order) => order switch
    {
        SessionOrder.Created => ByCreation,
        SessionOrder.LastSeen => BySeen,
        _ => ByEmail,
    };

    private static RedisKey UserKey(string email) => "user:" + email;

    private static string Member(string email, string sid) => email + '\0' + sid;

    private static SessionEntry Parse(SessionOrder order, string member) =>
        order == SessionOrder.Email && member.Split('\0') is [var email, var sid]
            ? new SessionEntry(sid, email)
            : new SessionEntry(member, null);
}

/// <summary>An entry of <see cref="SessionIndex"/>.</summary>
/// <param name="Email">The address, if the entry was read with <see cref="SessionOrder.Email"/>.</param>
internal readonly record struct SessionEntry(string Sid, string? Email);
