using System.Globalization;
using System.Security.Cryptography;
using OtpPortal.Storage;
using OtpPortal.Http;
using OtpPortal.Security;
using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>Tokens and the sessions behind them.</summary>
/// <remarks>
/// Key layout in the token database:
/// <code>
/// token:{SHA-256 of the token}  hash    sid, email, created, issued, ends (absolute), gen; once rotated: dead = when it stops being
///                                       good, next = the SHA-256 of its successor
/// live:{sid}                    string  when the session was last seen. A session lives exactly as long as this key: revoking deletes it,
///                                       and using a session is SET XX, which cannot bring a revoked one back
/// session:{sid}                 hash    email, created, ends, ip, ua, token (AES-GCM): what lists show
/// sessions                      zset    every sid by creation, for lists that are paged and never scan
/// seen                          zset    every sid by when it was last seen, to the minute
/// emails                        zset    {email}\0{sid} of every session, in the order of letters (all scores are 0)
/// user:{email}                  zset    the sids of one address
/// </code>
/// Instants are ms, UTC. What is over is decided from them; expiry in Redis only sweeps. A dump of the database signs nobody in.
/// </remarks>
public sealed class TokenStore(Stores stores, AuthToken tokens, AuthSecret secret, TokenSettings settings, TimeProvider time)
{
    private const string AllSessions = "sessions";
    private const string BySeen = "seen";
    private const string ByEmail = "emails";
    private const int PageOfIndex = 200;

    // Up to so many matches of a search are read whole and sorted; more are shown by address, which the index gives.
    private const int MaxSorted = 200;

    // Sessions that have ended by themselves are dropped from a page, and it is read anew: so often at most.
    private const int MaxReads = 4;

    private static readonly TimeSpan s_seenStep = TimeSpan.FromMinutes(1);
    private readonly SealedText _seal = new(secret.DeriveKey("token-at-rest"));

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Starts a session and gives its first token.</summary>
    public async Task<LiveToken> IssueAsync(string email, string ip, string userAgent)
    {
        var now = time.GetUtcNow();
        var ends = now + settings.MaxAge;
        var sid = RandomNumberGenerator.GetHexString(24, lowercase: true);
        var token = tokens.New();
        var created = now.ToUnixTimeMilliseconds();

        var transaction = Database.CreateTransaction();
        WriteToken(transaction, token, sid, email, created, now, ends, generation: 0);
        _ = transaction.HashSetAsync(SessionKey(sid),
        [
            new("email", email), new("created", created), new("ends", ends.ToUnixTimeMilliseconds()),
            new("ip", ip), new("ua", userAgent), new("token", _seal.Seal(token, sid)),
        ]);
        _ = transaction.KeyExpireAsync(SessionKey(sid), settings.MaxAge);
        _ = transaction.StringSetAsync(LiveKey(sid), created, IdleFrom(now, ends));
        _ = transaction.SortedSetAddAsync(AllSessions, sid, created);
        _ = transaction.SortedSetAddAsync(BySeen, sid, created);
        _ = transaction.SortedSetAddAsync(ByEmail, Member(email, sid), 0);
        _ = transaction.SortedSetAddAsync(UserKey(email), sid, created);
        _ = transaction.KeyExpireAsync(UserKey(email), settings.MaxAge);
        await transaction.ExecuteAsync();
        return new LiveToken(sid, email, token, IdleFrom(now, ends));
    }

    /// <summary>Looks a token up and slides its idle lifetime. Null when there is no such token or it is over.</summary>
    public Task<LiveToken?> UseAsync(string? token) => CheckAsync(token, mayRotate: false);

    /// <summary>
    /// As <see cref="UseAsync"/>, and rotates the token at its first check and whenever the last rotation is long enough ago. A rotated
    /// token answers with the same successor for as long as the grace lasts, so that parallel calls sign nobody out.
    /// </summary>
    public Task<LiveToken?> UseAndRotateAsync(string? token) => CheckAsync(token, mayRotate: true);

    /// <summary>Ends a session on every replica at once. False when there was none.</summary>
    public async Task<bool> RevokeAsync(string sid)
    {
        if (!IsSessionId(sid)) return false;
        var wasLive = await Database.ClaimAsync(LiveKey(sid));
        await ForgetAsync(sid, null);
        return wasLive;
    }

    /// <summary>Ends every session of an address but one. Gives the number that was ended.</summary>
    public async Task<int> RevokeAllAsync(string email, string? exceptSid = null)
    {
        var count = 0;
        foreach (var sid in await Database.SortedSetRangeByRankAsync(UserKey(email)))
        {
            if ((string)sid! != exceptSid && await RevokeAsync((string)sid!)) count++;
        }
        return count;
    }

    /// <summary>Ends every session there is. Gives the number that was ended.</summary>
    public async Task<int> RevokeEveryoneAsync()
    {
        // First what lets people in, many at a time, so that all have ended within moments; then what is left of them.
        var sids = new List<RedisValue>();
        while (await Database.SortedSetRangeByRankAsync(AllSessions, sids.Count, sids.Count + 999) is { Length: > 0 } page) sids.AddRange(page);
        var count = 0;
        foreach (var chunk in sids.Chunk(1000))
        {
            RedisKey[] live = [.. chunk.Select(sid => (RedisKey)LiveKey((string)sid!))];
            count += (await Database.StringGetAsync(live)).Count(seen => !seen.IsNull);
            await Database.KeyDeleteAsync(live);
        }
        foreach (var chunk in sids.Chunk(PageOfIndex)) await Task.WhenAll(chunk.Select(sid => ForgetAsync((string)sid!, null)));
        return count;
    }

    /// <summary>A live session by its id, or null. It is not used by this, and does not slide.</summary>
    public async Task<Session?> FindAsync(string sid) => IsSessionId(sid) ? (await ReadAsync([sid]))[0] : null;

    /// <summary>Some of all live sessions in an order, or of those whose address begins so: the same few commands for any number of sessions.</summary>
    public async Task<SessionSlice> SliceAsync(SessionQuery query)
    {
        if (query.Prefix.Length == 0) return await ReadRanksAsync(query, 0, null);

        // Every address that begins with the prefix lies between these two.
        var start = Database.SortedSetLengthByValueAsync(ByEmail, default, query.Prefix, Exclude.Stop);
        var stop = Database.SortedSetLengthByValueAsync(ByEmail, default, query.Prefix + "\u00ff", Exclude.Stop);
        await Task.WhenAll(start, stop);
        var found = await stop - await start;
        if (query.Order == SessionOrder.Email || found > MaxSorted) return await ReadRanksAsync(query with { Order = SessionOrder.Email }, await start, await stop);

        var all = await ReadRanksAsync(new SessionQuery(query.Prefix, SessionOrder.Email, Descending: false, 0, MaxSorted), await start, await stop);
        var sorted = all.Sessions.OrderBy(session => query.Order == SessionOrder.Created ? session.CreatedAt : session.LastSeenAt).ToList();
        if (query.Descending) sorted.Reverse();
        return new SessionSlice([.. sorted.Skip(query.Skip).Take(query.Take)], all.Total, query.Order);
    }

    /// <summary>The live sessions of an address, the newest first.</summary>
    public async Task<IReadOnlyList<Session>> OfUserAsync(string email)
    {
        var sids = await Database.SortedSetRangeByRankAsync(UserKey(email), order: Order.Descending);
        return [.. (await ReadAsync(sids)).OfType<Session>()];
    }

    /// <summary>All live sessions, or those of one address, the oldest first, read in small pages while they are consumed.</summary>
    public async IAsyncEnumerable<Session> ListAsync(string? email = null)
    {
        SessionCursor? cursor = null;
        do
        {
            (var sessions, cursor) = await ReadIndexAsync(email, cursor, PageOfIndex);
            foreach (var (session, _) in sessions) yield return session;
        }
        while (cursor is not null);
    }

    /// <summary>One page of <see cref="ListAsync"/>. False when the cursor is none of ours.</summary>
    public async Task<SessionPage?> PageAsync(string? email, int limit, string? cursor)
    {
        SessionCursor? position = null;
        if (cursor is not null && !SessionCursor.TryParse(cursor, out position)) return null;

        var page = new List<(Session Session, SessionCursor Position)>();
        do
        {
            // One more than asked for, to know whether there is a next page.
            (var sessions, position) = await ReadIndexAsync(email, position, Math.Max(limit + 1 - page.Count, 20));
            page.AddRange(sessions);
        }
        while (position is not null && page.Count <= limit);
        return page.Count <= limit
            ? new SessionPage([.. page.Select(item => item.Session)], null)
            : new SessionPage([.. page.Take(limit).Select(item => item.Session)], page[limit - 1].Position.ToString());
    }

    /// <summary>Forgets what is left of sessions that have ended by themselves.</summary>
    public async Task SweepAsync(CancellationToken stop)
    {
        // By this index, because its entries hold the addresses, which must go even where nothing else is left of a session.
        var position = 0L;
        while (!stop.IsCancellationRequested && await Database.SortedSetRangeByRankAsync(ByEmail, position, position + PageOfIndex - 1) is { Length: > 0 } page)
        {
            var entries = page.Select(member => Entry(member)).ToArray();
            // Before it is read when they were seen: what is over at this instant no later check can revive, but one before it may have.
            var now = time.GetUtcNow();
            var seen = await Database.StringGetAsync([.. entries.Select(entry => (RedisKey)LiveKey(entry.Sid))]);
            var ended = entries.Where((_, i) => seen[i].IsNull || now >= Instant(seen[i]) + settings.IdleLifetime).ToList();
            await ForgetEntriesAsync(ended);
            position += page.Length - ended.Count;
        }
    }

    private async Task<LiveToken?> CheckAsync(string? token, bool mayRotate)
    {
        if (!AuthToken.IsWellFormed(token)) return null;
        var key = TokenKey(token!);
        var record = await Database.HashGetAllAsync(key);
        if (!TokenRecord.TryRead(record, out var found)) return null;
        var now = time.GetUtcNow();
        if (now >= found.Ends || (found.Dead is { } dead && now >= dead)) return null;

        // Both in one round trip: what a rotation writes for a session that turns out to be dead is worth nothing without live:{sid}.
        var isDue = found.Dead is not null || found.Generation == 0 || now - found.Issued > settings.RotateAfter;
        var current = mayRotate && isDue ? tokens.SuccessorOf(token!) : token!;
        // Within the grace the successor is there already, unless AUTH_SECRET_KEY has changed since: then it is another one, and is written now.
        var rotates = mayRotate && isDue && found.Next != Digest.Of(current);
        var lastSeen = Database.StringGetAsync(LiveKey(found.SessionId));
        var rotation = rotates ? RotateAsync(key, current, found, now) : Task.CompletedTask;
        await Task.WhenAll(lastSeen, rotation);

        var seen = await lastSeen;
        if (seen.IsNull)
        {
            if (rotates) await Database.KeyDeleteAsync([TokenKey(current), SessionKey(found.SessionId)]);
            return null;
        }
        if (now >= Instant(seen) + settings.IdleLifetime)
        {
            await RevokeAsync(found.SessionId);
            return null;
        }

        // After the decision, never before it: a slide that ran ahead would make two simultaneous late calls revive each other.
        var idle = IdleFrom(now, found.Ends);
        // XX: a session that is revoked at this moment is not brought back, nor into the list.
        if (now.Ticks / s_seenStep.Ticks == Instant(seen).Ticks / s_seenStep.Ticks)
        {
            // Not waited for: were it lost with the connection, the session would end a minute early at most.
            _ = Database.StringSetAsync(LiveKey(found.SessionId), now.ToUnixTimeMilliseconds(), idle, When.Exists, CommandFlags.FireAndForget);
        }
        else
        {
            await Task.WhenAll(
                Database.StringSetAsync(LiveKey(found.SessionId), now.ToUnixTimeMilliseconds(), idle, When.Exists),
                Database.SortedSetAddAsync(BySeen, found.SessionId, now.ToUnixTimeMilliseconds(), When.Exists));
        }
        return new LiveToken(found.SessionId, found.Email, current, idle);
    }

    private Task RotateAsync(RedisKey old, string successor, TokenRecord found, DateTimeOffset now)
    {
        // One step, because a process can be killed between any two commands: an old token must not name a successor that does not exist. Idempotent,
        // because parallel checks write the same; the first of them sets the old token's end for good (HSETNX). If the old record has expired in
        // between, HSETNX creates one without a session, which is no token, and the expiry removes it.
        var transaction = Database.CreateTransaction();
        WriteToken(transaction, successor, found.SessionId, found.Email, found.Created, now, found.Ends, found.Generation + 1);
        _ = transaction.HashSetAsync(SessionKey(found.SessionId), [new("token", _seal.Seal(successor, found.SessionId))]);
        _ = transaction.KeyExpireAsync(SessionKey(found.SessionId), found.Ends - now);
        _ = transaction.HashSetAsync(old, "dead", (now + settings.Grace).ToUnixTimeMilliseconds(), When.NotExists);
        _ = transaction.HashSetAsync(old, [new("next", Digest.Of(successor))]);
        _ = transaction.KeyExpireAsync(old, settings.Grace + TimeSpan.FromSeconds(1));
        return transaction.ExecuteAsync();
    }

    private static Task[] WriteToken(
        IDatabaseAsync database, string token, string sid, string email, long created, DateTimeOffset issued, DateTimeOffset ends, int generation)
    {
        var key = TokenKey(token);
        return
        [
            database.HashSetAsync(key,
            [
                new("sid", sid), new("email", email), new("created", created), new("issued", issued.ToUnixTimeMilliseconds()),
                new("ends", ends.ToUnixTimeMilliseconds()), new("gen", generation),
            ]),
            database.KeyExpireAsync(key, ends - issued),
        ];
    }

    private async Task<(List<(Session Session, SessionCursor Position)> Sessions, SessionCursor? Next)> ReadIndexAsync(
        string? email, SessionCursor? after, int take)
    {
        // Sessions that began in the same millisecond share a score: the page starts at that score, and those already seen are left out.
        var entries = await Database.SortedSetRangeByScoreWithScoresAsync(IndexKey(email), after?.Created ?? double.NegativeInfinity, take: take + (after?.Skip ?? 0));
        var positions = new List<SessionCursor>();
        foreach (var entry in entries)
        {
            var position = new SessionCursor((long)entry.Score, (string)entry.Element!, 1);
            if (positions.Count > 0 && positions[^1].Created == position.Created) position = position with { Skip = positions[^1].Skip + 1 };
            positions.Add(position);
        }

        var fresh = positions.Where(position => after is null || position.IsAfter(after)).ToList();
        var sessions = await ReadAsync([.. fresh.Select(position => (RedisValue)position.Sid)]);
        var live = new List<(Session, SessionCursor)>();
        for (var i = 0; i < fresh.Count; i++)
        {
            if (sessions[i] is { } session) live.Add((session, fresh[i]));
            else await ForgetAsync(fresh[i].Sid, email);
        }
        var full = entries.Length == take + (after?.Skip ?? 0);
        return (live, full && positions.Count > 0 ? positions[^1] : null);
    }

    private async Task<SessionSlice> ReadRanksAsync(SessionQuery query, long start, long? stop)
    {
        var index = query.Order switch
        {
            SessionOrder.Created => AllSessions,
            SessionOrder.LastSeen => BySeen,
            _ => ByEmail,
        };
        for (var read = 1; ; read++)
        {
            var end = stop ?? await Database.SortedSetLengthAsync(index);
            var (first, last) = query.Descending
                ? (Math.Max(start, end - query.Skip - query.Take), end - query.Skip - 1)
                : (start + query.Skip, Math.Min(end, start + query.Skip + query.Take) - 1);
            var entries = last < first ? [] : await Database.SortedSetRangeByRankAsync(index, first, last);
            if (query.Descending) Array.Reverse(entries);
            var members = entries.Select(member => Entry(member)).ToArray();
            var sessions = await ReadAsync([.. members.Select(member => (RedisValue)member.Sid)]);

            var ended = members.Where((_, i) => sessions[i] is null).ToList();
            if (ended.Count == 0 || read == MaxReads) return new SessionSlice([.. sessions.OfType<Session>()], end - start, query.Order);
            await ForgetEntriesAsync(ended);
            if (stop is not null) stop -= ended.Count;
        }
    }

    private async Task<Session?[]> ReadAsync(RedisValue[] sids)
    {
        var now = time.GetUtcNow();
        var records = sids.Select(sid => Database.HashGetAllAsync(SessionKey((string)sid!))).ToArray();
        var seen = sids.Length == 0 ? [] : await Database.StringGetAsync([.. sids.Select(sid => (RedisKey)LiveKey((string)sid!))]);
        var sessions = new Session?[sids.Length];
        for (var i = 0; i < sids.Length; i++)
        {
            sessions[i] = ToSession((string)sids[i]!, Fields(await records[i]), seen[i], now);
        }
        return sessions;
    }

    private Session? ToSession(string sid, Dictionary<string, RedisValue> record, RedisValue seen, DateTimeOffset now)
    {
        if (seen.IsNull || !record.TryGetValue("email", out var email)) return null;
        var lastSeen = Instant(seen);
        var ends = DateTimeOffset.FromUnixTimeMilliseconds((long)record["ends"]);
        var expires = lastSeen + settings.IdleLifetime < ends ? lastSeen + settings.IdleLifetime : ends;
        // A token sealed under another AUTH_SECRET_KEY cannot be shown, but the session is there and can be revoked.
        var token = _seal.TryOpen((byte[])record["token"]!, sid, out var text) ? text : "";
        return now >= expires ? null : new Session(
            sid, (string)email!, DateTimeOffset.FromUnixTimeMilliseconds((long)record["created"]), lastSeen, expires,
            (string?)record["ip"] ?? "", (string?)record["ua"] ?? "", token);
    }

    private Task ForgetEntriesAsync(IEnumerable<IndexEntry> ended) => Task.WhenAll(ended.Select(entry => ForgetAsync(entry.Sid, entry.Email)));

    /// <param name="email">The address, as far as the caller knows it: the session's own record may have gone already.</param>
    private async Task ForgetAsync(string sid, string? email)
    {
        var record = Fields(await Database.HashGetAllAsync(SessionKey(sid)));
        var work = new List<Task>
        {
            Database.KeyDeleteAsync([LiveKey(sid), SessionKey(sid)]),
            Database.SortedSetRemoveAsync(AllSessions, sid),
            Database.SortedSetRemoveAsync(BySeen, sid),
        };
        email ??= (string?)record.GetValueOrDefault("email");
        if (email is not null)
        {
            work.Add(Database.SortedSetRemoveAsync(UserKey(email), sid));
            work.Add(Database.SortedSetRemoveAsync(ByEmail, Member(email, sid)));
        }
        if (record.TryGetValue("token", out var token) && _seal.TryOpen((byte[])token!, sid, out var text)) work.Add(Database.KeyDeleteAsync(TokenKey(text)));
        await Task.WhenAll(work);
    }

    private TimeSpan IdleFrom(DateTimeOffset now, DateTimeOffset ends) => settings.IdleLifetime < ends - now ? settings.IdleLifetime : ends - now;

    private static bool IsSessionId(string text) => text.Length == 24 && text.All(char.IsAsciiHexDigitLower);

    private static Dictionary<string, RedisValue> Fields(HashEntry[] entries) =>
        entries.ToDictionary(entry => (string)entry.Name!, entry => entry.Value, StringComparer.Ordinal);

    private static RedisKey IndexKey(string? email) => email is null ? AllSessions : UserKey(email);

    private static RedisKey TokenKey(string token) => "token:" + Digest.Of(token);

    private static string LiveKey(string sid) => "live:" + sid;

    private static string SessionKey(string sid) => "session:" + sid;

    private static string UserKey(string email) => "user:" + email;

    private static string Member(string email, string sid) => email + '\0' + sid;

    private static IndexEntry Entry(RedisValue member) => ((string)member!).Split('\0') is [var email, var sid]
        ? new IndexEntry(sid, email)
        : new IndexEntry((string)member!, null);

    private static DateTimeOffset Instant(RedisValue milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);

    private readonly record struct IndexEntry(string Sid, string? Email);

    private sealed record TokenRecord(
        string SessionId, string Email, long Created, DateTimeOffset Issued, DateTimeOffset Ends, int Generation, DateTimeOffset? Dead, string? Next)
    {
        public static bool TryRead(HashEntry[] entries, out TokenRecord record)
        {
            string? sid = null, email = null, next = null;
            long created = 0, issued = 0, ends = 0, dead = 0;
            var generation = 0;
            foreach (var entry in entries)
            {
                switch ((string?)entry.Name)
                {
                    case "sid": sid = entry.Value; break;
                    case "email": email = entry.Value; break;
                    case "created": created = (long)entry.Value; break;
                    case "issued": issued = (long)entry.Value; break;
                    case "ends": ends = (long)entry.Value; break;
                    case "gen": generation = (int)entry.Value; break;
                    case "next": next = entry.Value; break;
                    case "dead": dead = (long)entry.Value; break;
                    default: break;
                }
            }
            record = new TokenRecord(sid ?? "", email ?? "", created, DateTimeOffset.FromUnixTimeMilliseconds(issued),
                DateTimeOffset.FromUnixTimeMilliseconds(ends), generation, dead == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(dead), next);
            return sid is not null && email is not null;
        }
    }
}

/// <summary>A position in the list of sessions: a session's creation and id, and how many of that millisecond come before it.</summary>
internal sealed record SessionCursor(long Created, string Sid, int Skip)
{
    public bool IsAfter(SessionCursor other) =>
        Created != other.Created ? Created > other.Created : string.CompareOrdinal(Sid, other.Sid) > 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Created}.{Sid}.{Skip}");

    public static bool TryParse(string text, out SessionCursor? cursor)
    {
        cursor = null;
        var parts = text.Split('.');
        if (parts.Length != 3
            || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var created)
            || parts[1].Length != 24 || !parts[1].All(char.IsAsciiHexDigitLower)
            || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var skip) || skip > 10_000)
        {
            return false;
        }
        cursor = new SessionCursor(created, parts[1], skip);
        return true;
    }
}
