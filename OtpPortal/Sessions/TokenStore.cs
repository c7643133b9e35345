using System.Security.Cryptography;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>Issues, checks, rotates and revokes tokens, and stores their sessions.</summary>
/// <remarks>
/// Key layout in the token database (<see cref="SessionIndex"/> and <see cref="UserAgents"/> document the others):
/// <code>
/// session:{sid}  hash  email, at (creation), seen (last use), ip, ua (digest of the user agent), seed, and one field
///                      g{n} for each generation n of the token: when it was issued, and its digest
/// </code>
/// A check reads this one key. Revoking deletes it. A check may write to it only after that: the writes never include the
/// address, so they cannot restore the session, and they set an expiry, so they leave nothing behind. A generation is written
/// once (HSETNX), with a token that all replicas derive alike, so rotations need no coordination. Generation n is valid while
/// n+1 does not exist, and for the grace period afterwards. Timestamps are Unix milliseconds and determine expiry; key expiry in
/// Redis only cleans up. A dump of the database contains no usable token.
/// </remarks>
public sealed class TokenStore(
    Stores stores, ReplicaWait replicas, SessionIndex index, UserAgents userAgents, AuthToken tokens, TokenSettings settings,
    TimeProvider time)
{
    private const int RevokedAtOnce = 500;

    // How far the stored last use may be behind: writing it with every check would double the cost of a check.
    private readonly TimeSpan _step = TimeSpan.FromTicks(Math.Min(settings.IdleLifetime.Ticks / 100, TimeSpan.TicksPerMinute));

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Creates a session and returns its first token.</summary>
    public async Task<LiveToken> IssueAsync(string email, string ip, string userAgent)
    {
        // The store keeps milliseconds.
        var now = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
        var sid = AuthToken.NewSessionId();
        var seed = RandomNumberGenerator.GetBytes(16);
        var token = tokens.Derive(sid, seed, 0);
        var session = new SessionRecord(
            email, now, now, ip, UserAgents.DigestOf(userAgent), seed, [new TokenGeneration(0, now, AuthToken.DigestOf(token))]);
        var idle = IdleFrom(now, session);

        await Task.WhenAll(
            userAgents.StoreAsync(userAgent, settings.IdleLifetime),
            Database.TransactAsync(transaction =>
            {
                _ = transaction.HashSetAsync(KeyOf(sid), session.ToHash());
                _ = transaction.KeyExpireAsync(KeyOf(sid), idle);
            }));
        // Afterwards, because readers remove entries without a session; and before the token is returned, because a session that
        // is not listed cannot be revoked.
        await index.AddAsync(new SessionEntry(sid, email, now), now);
        return new LiveToken(sid, email, token, idle);
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
        if (!AuthToken.IsSessionId(sid)) return false;
        if (await ReadRecordAsync(sid) is not { } session)
        {
            // It may be the repetition of a revocation that the replicas have not confirmed.
            await replicas.ForAsync([KeyOf(sid)]);
            return false;
        }
        // Without a condition: it would fail if a check writes at the same time, and the session would stay live.
        Task<bool> wasLive = null!;
        await Database.TransactAsync(transaction =>
        {
            wasLive = transaction.HashExistsAsync(KeyOf(sid), SessionRecord.EmailField);
            _ = transaction.KeyDeleteAsync(KeyOf(sid));
        });
        await replicas.ForAsync([KeyOf(sid)]);
        await index.RemoveAsync(new SessionEntry(sid, session.Email, session.CreatedAt));
        return await wasLive;
    }

    /// <summary>Revokes all sessions of an address except one. Returns the number of revoked sessions.</summary>
    public async Task<int> RevokeAllAsync(string email, string? exceptSid = null)
    {
        var revoked = await Task.WhenAll(
            (await index.OfUserAsync(email)).Where(entry => entry.Sid != exceptSid).Select(entry => RevokeAsync(entry.Sid)));
        return revoked.Count(wasLive => wasLive);
    }

    /// <summary>Revokes all sessions of all users. Returns the number of revoked sessions.</summary>
    public async Task<int> RevokeEveryoneAsync()
    {
        var count = 0;
        SessionCursor? cursor = null;
        do
        {
            (var entries, cursor) = await index.ReadAsync(email: null, cursor, RevokedAtOnce);
            var sessions = await Task.WhenAll(entries.Select(entry => ReadRecordAsync(entry.Sid)));
            await Task.WhenAll(entries.Select(entry => Database.KeyDeleteAsync(KeyOf(entry.Sid))));
            await replicas.ForAsync(entries.Select(entry => KeyOf(entry.Sid)));
            await Task.WhenAll(entries.Select((entry, i) => index.RemoveAsync(entry with { Email = sessions[i]?.Email })));
            count += sessions.Count(session => session is not null);
        }
        while (cursor is not null);
        return count;
    }

    /// <summary>Returns a live session, or null. Does not count as use.</summary>
    public async Task<Session?> FindAsync(string sid) => AuthToken.IsSessionId(sid) ? (await ReadAsync([sid]))[0] : null;

    /// <summary>Reads sessions. The result has null in place of sessions that are not live.</summary>
    internal async Task<Session?[]> ReadAsync(IReadOnlyList<string> sids)
    {
        // Taken before the read: a session that expires at this instant can no longer be used, but may have been used just
        // before.
        var now = time.GetUtcNow();
        var records = await Task.WhenAll(sids.Select(ReadRecordAsync));
        var agents = await userAgents.ReadAsync(records.OfType<SessionRecord>().Select(record => record.UserAgent));
        return
        [
            .. records.Select((record, i) => record is null || now >= ExpiryOf(record) ? null : ToSession(sids[i], record, agents)),
        ];
    }

    /// <summary>Deletes the remaining data of a session that <see cref="ReadAsync"/> has not found.</summary>
    internal async Task DeleteAsync(SessionEntry entry)
    {
        // Without a record there is nothing to delete except the entries.
        if (await ReadRecordAsync(entry.Sid) is not { } session)
        {
            await index.RemoveAsync(entry);
            return;
        }
        if (time.GetUtcNow() >= ExpiryOf(session)) await RevokeAsync(entry.Sid);
    }

    private async Task<LiveToken?> CheckAsync(string? token, bool mayRotate)
    {
        if (AuthToken.SessionIdOf(token) is not { } sid || SessionRecord.Read(await FieldsOf(sid)) is not { } session) return null;
        var now = time.GetUtcNow();
        if (now >= ExpiryOf(session) || Recognize(sid, session, token!, now) is not { } presented) return null;

        var successor = session.SuccessorOf(presented);
        if (successor is not null && now >= successor.IssuedAt + settings.Grace) return null;

        var isDue = successor is not null || presented.Number == 0 || now - presented.IssuedAt > settings.RotateAfter;
        var (current, issued) = mayRotate && isDue
            ? Rotate(sid, session, successor?.Number ?? presented.Number + 1, now)
            : (token!, presented);
        // After the decision: sliding earlier would let two simultaneous late calls revive each other.
        if (session.Find(issued.Number) is null) await StoreAsync(sid, session, issued, now);
        if (now - session.SeenAt >= _step) await SlideAsync(sid, session, now);
        return new LiveToken(sid, session.Email, current, IdleFrom(now, session));
    }

    /// <summary>Returns the generation of a token, or null if it is not one of the session's.</summary>
    private TokenGeneration? Recognize(string sid, SessionRecord session, string token, DateTimeOffset now)
    {
        var digest = AuthToken.DigestOf(token);
        if (session.Find(digest) is { } known) return known;
        // A failover to a replica can lose the latest rotation, but only the portal can derive the next token. The caller stores
        // it again.
        var next = new TokenGeneration(session.Current.Number + 1, now, digest);
        return next.Has(AuthToken.DigestOf(tokens.Derive(sid, session.Seed, next.Number))) ? next : null;
    }

    /// <summary>Returns the token with a number, and its generation, which may not be stored yet.</summary>
    private (string Token, TokenGeneration Generation) Rotate(string sid, SessionRecord session, int number, DateTimeOffset now)
    {
        var token = tokens.Derive(sid, session.Seed, number);
        var generation = new TokenGeneration(number, now, AuthToken.DigestOf(token));
        // A stored successor differs if AUTH_SECRET_KEY or AUTH_TOKEN_LENGTH has changed since. It is unknown then, so the next
        // one takes its place.
        return session.Find(number) is { } stored && !stored.Has(generation.Digest)
            ? Rotate(sid, session, session.Current.Number + 1, now)
            : (token, generation);
    }

    private Task StoreAsync(string sid, SessionRecord session, TokenGeneration issued, DateTimeOffset now) =>
        Database.TransactAsync(transaction =>
        {
            var (key, entry) = (KeyOf(sid), issued.ToEntry());
            // The first of several parallel rotations sets the time; the digest is the same.
            _ = transaction.HashSetAsync(key, entry.Name, entry.Value, When.NotExists);
            if (Outdated(session, now) is { Length: > 0 } outdated) _ = transaction.HashDeleteAsync(key, outdated);
            Expire(transaction, key, session, now);
        });

    private Task SlideAsync(string sid, SessionRecord session, DateTimeOffset now) => Task.WhenAll(
        Database.TransactAsync(transaction =>
        {
            _ = transaction.HashSetAsync(KeyOf(sid), SessionRecord.SeenField, now.ToUnixTimeMilliseconds());
            Expire(transaction, KeyOf(sid), session, now);
        }),
        userAgents.ExtendAsync(session.UserAgent, settings.IdleLifetime),
        index.AddAsync(new SessionEntry(sid, session.Email, session.CreatedAt), now));

    // If the session has just been revoked, the writes leave a hash without an address, which must not remain.
    private void Expire(ITransaction transaction, RedisKey key, SessionRecord session, DateTimeOffset now) =>
        _ = transaction.KeyExpireAsync(key, IdleFrom(now, session));

    private RedisValue[] Outdated(SessionRecord session, DateTimeOffset now) =>
        [.. session.Tokens.Zip(session.Tokens.Skip(1)).Where(pair => now >= pair.Second.IssuedAt + settings.Grace)
            .Select(pair => (RedisValue)pair.First.Field)];

    private async Task<SessionRecord?> ReadRecordAsync(string sid) => SessionRecord.Read(await FieldsOf(sid));

    private Task<HashEntry[]> FieldsOf(string sid) => Database.HashGetAllAsync(KeyOf(sid));

    private Session ToSession(string sid, SessionRecord session, Func<byte[], string> userAgentOf)
    {
        // A token that was derived from an earlier AUTH_SECRET_KEY cannot be shown, but its session can be listed and revoked.
        var token = tokens.Derive(sid, session.Seed, session.Current.Number);
        return new Session(
            sid, session.Email, session.CreatedAt, session.SeenAt, ExpiryOf(session), session.Ip, userAgentOf(session.UserAgent),
            session.Current.Has(AuthToken.DigestOf(token)) ? token : "");
    }

    // The idle timeout after a use, or the absolute timeout if that is first. Not stored, so that new settings apply at once.
    private TimeSpan IdleFrom(DateTimeOffset use, SessionRecord session)
    {
        var left = session.CreatedAt + settings.MaxAge - use;
        return settings.IdleLifetime < left ? settings.IdleLifetime : left;
    }

    private DateTimeOffset ExpiryOf(SessionRecord session) => session.SeenAt + IdleFrom(session.SeenAt, session);

    private static RedisKey KeyOf(string sid) => "session:" + sid;
}
