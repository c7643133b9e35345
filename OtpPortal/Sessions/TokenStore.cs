using System.Security.Cryptography;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>Issues, checks, rotates and revokes tokens, and stores their sessions.</summary>
/// <remarks>
/// Key layout in the token database (<see cref="SessionIndex"/> documents the index keys):
/// <code>
/// token:{SHA-256 of the token}  hash    sid, email, created, issued, ends (absolute expiry), gen; after rotation also dead
///                                       (end of the grace period) and next (SHA-256 of the successor)
/// live:{sid}                    string  when the session was last seen. The session is live while this key exists:
///                                       revoking deletes it, and using a session is SET XX, which cannot restore it
/// session:{sid}                 hash    data shown in lists: email, created, ends, ip, ua, token (AES-GCM)
/// </code>
/// Timestamps are Unix milliseconds and determine expiry; key expiry in Redis only cleans up. A dump of the database contains
/// no usable token.
/// </remarks>
public sealed class TokenStore(
    Stores stores, SessionIndex index, AuthToken tokens, AuthSecret secret, TokenSettings settings, TimeProvider time)
{
    private const int RevokedAtOnce = 1000;
    private const int DeletedAtOnce = 200;

    private static readonly TimeSpan s_seenStep = TimeSpan.FromMinutes(1);
    private readonly AeadProtector _protector = new(secret.DeriveKey("token-at-rest"));

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Creates a session and returns its first token.</summary>
    public async Task<LiveToken> IssueAsync(string email, string ip, string userAgent)
    {
        var now = time.GetUtcNow();
        var ends = now + settings.MaxAge;
        var sid = RandomNumberGenerator.GetHexString(24, lowercase: true);
        var token = tokens.New();
        var created = now.ToUnixTimeMilliseconds();

        var transaction = Database.CreateTransaction();
        WriteToken(transaction, token, new TokenRecord(sid, email, now, now, ends, Generation: 0));
        _ = transaction.HashSetAsync(SessionKey(sid),
        [
            new("email", email), new("created", created), new("ends", ends.ToUnixTimeMilliseconds()),
            new("ip", ip), new("ua", userAgent), new("token", _protector.Protect(token, sid)),
        ]);
        _ = transaction.KeyExpireAsync(SessionKey(sid), settings.MaxAge);
        _ = transaction.StringSetAsync(LiveKey(sid), created, IdleFrom(now, ends));
        SessionIndex.Add(transaction, sid, email, now, settings.MaxAge);
        await transaction.ExecuteAsync();
        return new LiveToken(sid, email, token, IdleFrom(now, ends));
    }

    /// <summary>
    /// Checks a token and restarts its idle timeout. Returns null if it does not exist or its session has expired.
    /// </summary>
    public Task<LiveToken?> UseAsync(string? token) => CheckAsync(token, mayRotate: false);

    /// <summary>
    /// Checks a token like <see cref="UseAsync"/>, and rotates it at its first check and whenever its last rotation is longer
    /// ago than AUTH_TOKEN_ROTATE_AFTER. During its grace period a rotated token yields the same successor, so parallel calls
    /// do not sign the user out.
    /// </summary>
    public Task<LiveToken?> UseAndRotateAsync(string? token) => CheckAsync(token, mayRotate: true);

    /// <summary>Revokes a session on all replicas at once. Returns false if it was not live.</summary>
    public async Task<bool> RevokeAsync(string sid)
    {
        if (!IsSessionId(sid)) return false;
        var wasLive = await Database.ClaimAsync(LiveKey(sid));
        await DeleteAsync(sid, null);
        return wasLive;
    }

    /// <summary>Revokes all sessions of an address except one. Returns the number of revoked sessions.</summary>
    public async Task<int> RevokeAllAsync(string email, string? exceptSid = null)
    {
        var count = 0;
        foreach (var sid in await index.OfUserAsync(email))
        {
            if (sid != exceptSid && await RevokeAsync(sid)) count++;
        }
        return count;
    }

    /// <summary>Revokes all sessions of all users. Returns the number of revoked sessions.</summary>
    public async Task<int> RevokeEveryoneAsync()
    {
        var sids = new List<string>();
        while (await index.RangeAsync(SessionOrder.Created, sids.Count, sids.Count + RevokedAtOnce - 1) is { Length: > 0 } page)
        {
            sids.AddRange(page.Select(entry => entry.Sid));
        }
        // Live keys first, so that every session is revoked within moments; then the remaining data.
        var count = 0;
        foreach (var chunk in sids.Chunk(RevokedAtOnce))
        {
            RedisKey[] live = [.. chunk.Select(sid => (RedisKey)LiveKey(sid))];
            count += (await Database.StringGetAsync(live)).Count(seen => !seen.IsNull);
            await Database.KeyDeleteAsync(live);
        }
        foreach (var chunk in sids.Chunk(DeletedAtOnce)) await Task.WhenAll(chunk.Select(sid => DeleteAsync(sid, null)));
        return count;
    }

    /// <summary>Returns a live session, or null. Does not count as use.</summary>
    public async Task<Session?> FindAsync(string sid) => IsSessionId(sid) ? (await ReadAsync([sid]))[0] : null;

    /// <summary>Reads sessions. The result has null in place of sessions that are not live.</summary>
    internal async Task<Session?[]> ReadAsync(IReadOnlyList<string> sids)
    {
        var now = time.GetUtcNow();
        var records = sids.Select(sid => Database.HashGetAllAsync(SessionKey(sid))).ToArray();
        var seen = await ReadSeenAsync(sids);
        var sessions = new Session?[sids.Count];
        for (var i = 0; i < sids.Count; i++) sessions[i] = ToSession(sids[i], Fields(await records[i]), seen[i], now);
        return sessions;
    }

    /// <summary>Returns whether each of the sessions is live. A session that is not live cannot become live again.</summary>
    internal async Task<bool[]> AreLiveAsync(IReadOnlyList<string> sids)
    {
        // Taken before the read: a session that expires at this instant can no longer be used, but may have been used just
        // before.
        var now = time.GetUtcNow();
        return [.. (await ReadSeenAsync(sids)).Select(seen => !seen.IsNull && now < Instant(seen) + settings.IdleLifetime)];
    }

    /// <summary>Deletes all remaining data of a session.</summary>
    /// <param name="email">The address, if known: the session's own record may have expired.</param>
    internal async Task DeleteAsync(string sid, string? email)
    {
        var record = Fields(await Database.HashGetAllAsync(SessionKey(sid)));
        var keys = new List<RedisKey> { LiveKey(sid), SessionKey(sid) };
        if (record.TryGetValue("token", out var token) && _protector.TryUnprotect((byte[])token!, sid, out var text))
        {
            keys.Add(TokenKey(text));
        }
        await Task.WhenAll(Database.KeyDeleteAsync([.. keys]), index.RemoveAsync(sid, email ?? (string?)record.GetValueOrDefault("email")));
    }

    private async Task<LiveToken?> CheckAsync(string? token, bool mayRotate)
    {
        if (!AuthToken.IsWellFormed(token)) return null;
        var key = TokenKey(token!);
        if (TokenRecord.Read(await Database.HashGetAllAsync(key)) is not { } record) return null;
        var now = time.GetUtcNow();
        if (now >= record.EndsAt || now >= record.ValidUntil) return null;

        var isDue = record.ValidUntil is not null || record.Generation == 0 || now - record.IssuedAt > settings.RotateAfter;
        var current = mayRotate && isDue ? tokens.SuccessorOf(token!) : token!;
        // During the grace period the successor already exists, unless AUTH_SECRET_KEY, and with it the successor, has changed.
        var rotates = mayRotate && isDue && record.Successor != Digest.Of(current);
        // In one round trip: anything a rotation writes for a revoked session is invalid without live:{sid}.
        var lastSeen = Database.StringGetAsync(LiveKey(record.SessionId));
        var rotation = rotates ? RotateAsync(key, current, record, now) : Task.CompletedTask;
        await Task.WhenAll(lastSeen, rotation);

        var seen = await lastSeen;
        if (seen.IsNull)
        {
            if (rotates) await Database.KeyDeleteAsync([TokenKey(current), SessionKey(record.SessionId)]);
            return null;
        }
        if (now >= Instant(seen) + settings.IdleLifetime)
        {
            await RevokeAsync(record.SessionId);
            return null;
        }

        var idle = IdleFrom(now, record.EndsAt);
        await SlideAsync(record.SessionId, Instant(seen), now, idle);
        return new LiveToken(record.SessionId, record.Email, current, idle);
    }

    // Called after the decision: sliding earlier would let two simultaneous late calls revive each other.
    private Task SlideAsync(string sid, DateTimeOffset lastSeen, DateTimeOffset now, TimeSpan idle)
    {
        // SET XX does not restore a session that is being revoked.
        if (now.Ticks / s_seenStep.Ticks != lastSeen.Ticks / s_seenStep.Ticks)
        {
            return Task.WhenAll(
                Database.StringSetAsync(LiveKey(sid), now.ToUnixTimeMilliseconds(), idle, When.Exists), index.MarkSeenAsync(sid, now));
        }
        // Not awaited: if the command is lost with the connection, the session expires at most one minute early.
        _ = Database.StringSetAsync(LiveKey(sid), now.ToUnixTimeMilliseconds(), idle, When.Exists, CommandFlags.FireAndForget);
        return Task.CompletedTask;
    }

    private Task RotateAsync(RedisKey old, string successor, TokenRecord record, DateTimeOffset now)
    {
        // One transaction, because the process can be killed between two commands: a rotated token must not name a missing
        // successor. Idempotent, because parallel checks write the same values; HSETNX lets the first one set the end of the
        // grace period.
        var transaction = Database.CreateTransaction();
        WriteToken(transaction, successor, record with { IssuedAt = now, Generation = record.Generation + 1 });
        // These writes may recreate keys after a revocation or expiry. They are not a session without live:{sid}, and each gets
        // an expiry.
        _ = transaction.HashSetAsync(SessionKey(record.SessionId), [new("token", _protector.Protect(successor, record.SessionId))]);
        _ = transaction.KeyExpireAsync(SessionKey(record.SessionId), record.EndsAt - now);
        _ = transaction.HashSetAsync(old, TokenRecord.ValidUntilField, (now + settings.Grace).ToUnixTimeMilliseconds(), When.NotExists);
        _ = transaction.HashSetAsync(old, [new(TokenRecord.SuccessorField, Digest.Of(successor))]);
        _ = transaction.KeyExpireAsync(old, settings.Grace + TimeSpan.FromSeconds(1));
        return transaction.ExecuteAsync();
    }

    private static void WriteToken(ITransaction transaction, string token, TokenRecord record)
    {
        var key = TokenKey(token);
        _ = transaction.HashSetAsync(key, record.ToHash());
        _ = transaction.KeyExpireAsync(key, record.EndsAt - record.IssuedAt);
    }

    private Session? ToSession(string sid, Dictionary<string, RedisValue> record, RedisValue seen, DateTimeOffset now)
    {
        if (seen.IsNull || !record.TryGetValue("email", out var email)) return null;
        var lastSeen = Instant(seen);
        var expires = lastSeen + IdleFrom(lastSeen, Instant(record["ends"]));
        // A token sealed with an earlier AUTH_SECRET_KEY cannot be shown, but its session can still be listed and revoked.
        var token = _protector.TryUnprotect((byte[])record["token"]!, sid, out var text) ? text : "";
        return now >= expires ? null : new Session(
            sid, (string)email!, Instant(record["created"]), lastSeen, expires,
            (string?)record["ip"] ?? "", (string?)record["ua"] ?? "", token);
    }

    private async Task<RedisValue[]> ReadSeenAsync(IReadOnlyList<string> sids) =>
        sids.Count == 0 ? [] : await Database.StringGetAsync([.. sids.Select(sid => (RedisKey)LiveKey(sid))]);

    private TimeSpan IdleFrom(DateTimeOffset now, DateTimeOffset ends) =>
        settings.IdleLifetime < ends - now ? settings.IdleLifetime : ends - now;

    private static bool IsSessionId(string text) => text.Length == 24 && text.All(char.IsAsciiHexDigitLower);

    private static Dictionary<string, RedisValue> Fields(HashEntry[] entries) =>
        entries.ToDictionary(entry => (string)entry.Name!, entry => entry.Value, StringComparer.Ordinal);

    private static RedisKey TokenKey(string token) => "token:" + Digest.Of(token);

    private static string LiveKey(string sid) => "live:" + sid;

    private static string SessionKey(string sid) => "session:" + sid;

    private static DateTimeOffset Instant(RedisValue milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
}
