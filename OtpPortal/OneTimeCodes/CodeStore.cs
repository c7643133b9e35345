using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.OneTimeCodes;

/// <summary>Creates, hashes, checks and resends one-time codes, for every feature that hands them out.</summary>
/// <remarks>
/// Key layout in the OTP database, K = <c>code:{realm}:{SHA-256 of the id}</c>:
/// <code>
/// K:record   string   a <see cref="CodeRecord"/> in JSON, with the HMAC of each code and of the link that was sent with it
/// </code>
/// The same K may hold another record a moment later: a gateway's id is used again. So every change is one transaction that replaces the
/// text that was read by the next one; where it finds another text, nothing is done, and the caller decides again. The random nonce in each
/// record makes sure that no two records have the same text. One string, because one SET is atomic for every reader, whatever else its
/// transaction holds.
/// The key lives <see cref="Linger"/> beyond the deadline, so that a late user reads "expired" and not "unknown". The stored deadline
/// decides; the expiry in Redis only cleans up.
/// </remarks>
public sealed partial class CodeStore(Stores stores, AuthSecret secret, TimeProvider time)
{
    private const int LinkLength = 43;
    private const int NonceLength = 22;
    private static readonly TimeSpan s_linger = TimeSpan.FromMinutes(10);
    private readonly byte[] _key = secret.DeriveKey("one-time-codes");

    // A key of its own, so that a link can never be taken for a code, nor a code for a link.
    private readonly byte[] _linkKey = secret.DeriveKey("one-time-links");

    /// <summary>How long a record outlives its deadline.</summary>
    public static TimeSpan Linger => s_linger;

    private IDatabase Database => stores.Otp.Database;

    /// <summary>
    /// A code of <paramref name="length"/> digits from the system's CSPRNG: every one equally likely, leading zeros kept.
    /// </summary>
    public static string NewCode(int length) => NewCode(length, "0123456789");

    /// <summary>Creates a code of the characters of <paramref name="alphabet"/>.</summary>
    public static string NewCode(int length, string alphabet) => RandomNumberGenerator.GetString(alphabet, length);

    /// <summary>The secret of a link that does what a code does: 256 bits, so that nobody counts how often a wrong one is tried.</summary>
    public static string NewLink() => RandomText.New(LinkLength);

    /// <summary>The place of a record. Only the id's SHA-256 is stored: an id opens the record, as a password would.</summary>
    public static string KeyOf(string realm, string id) => $"code:{realm}:{Digest.Of(id)}";

    /// <summary>
    /// Creates a record under an id that is new. A null <paramref name="code"/> makes a record like every other that no code can ever
    /// open: for addresses that nothing is sent to.
    /// </summary>
    public Task<CodeRecord> BeginAsync(string key, string? code, CodeTerms terms, JsonElement payload) =>
        BeginAsync(key, code, link: null, terms, payload);

    /// <summary>Creates a record with a link beside the code, from <see cref="NewLink"/>; null for a message that has none.</summary>
    public async Task<CodeRecord> BeginAsync(
        string key, string? code, string? link, CodeTerms terms, JsonElement payload)
    {
        var record = Create(key, code, link, terms, payload, used: 0, sent: 1);
        var stored = Write(record);
        await Database.StringSetAsync(Place(key), stored, LifeOf(record));
        return record with { Stored = stored };
    }

    /// <summary>Creates a record in place of <paramref name="before"/>, whose codes are void then, or where none was found.</summary>
    /// <remarks>
    /// A record that is still open passes on the tries it has used and the codes it has sent, so that asking again gives no more guesses.
    /// </remarks>
    /// <param name="also">Adds to the same step.</param>
    /// <returns>Null, and nothing is done, when the record has changed since it was read.</returns>
    public async Task<CodeRecord?> ReplaceAsync(
        string key, CodeRecord? before, string code, CodeTerms terms, JsonElement payload, Action<ITransaction> also)
    {
        var isOpen = before is { IsOpen: true } && !before.IsExpired(time.GetUtcNow());
        var record = Create(
            key, code, link: null, terms, payload,
            used: isOpen ? before!.MaxAttempts - before.AttemptsLeft : 0,
            sent: isOpen ? before!.Sends + 1 : 1);
        return await ChangeAsync(key, before, record, also);
    }

    /// <summary>Changes the payload of an open record and restarts the cooldown.</summary>
    /// <param name="change">Returns the new payload, or null to keep the record as it is. Called again if the record has changed.</param>
    /// <returns>False when nothing was changed, or the record is no longer the one that was read or no longer open.</returns>
    public async Task<bool> ChangePayloadAsync(string key, CodeRecord record, Func<JsonElement, JsonElement?> change)
    {
        for (var current = record; current is not null && current.Nonce == record.Nonce; current = await FindAsync(key))
        {
            if (!current.IsOpen || change(current.Payload) is not { } payload) return false;
            if (await ChangeAsync(key, current, current with { Payload = payload, SentAt = time.GetUtcNow() }) is not null) return true;
        }
        return false;
    }

    private CodeRecord Create(
        string key, string? code, string? link, CodeTerms terms, JsonElement payload, int used, int sent)
    {
        var now = time.GetUtcNow();
        var left = Math.Max(0, terms.MaxAttempts - used);
        var nonce = RandomText.New(NonceLength);
        return new CodeRecord(
            now + terms.Lifetime, terms.MaxAttempts, left, terms.MaxSends, sent, now, terms.ResendCooldown, IsOpen: true, payload)
        {
            Nonce = nonce,
            Hashes = [HashOf(key, nonce, code)],
            LinkHashes = link is null ? [] : [LinkHashOf(key, link)],
        };
    }

    /// <summary>Gets the record, or null when there is none (any more).</summary>
    public async Task<CodeRecord?> FindAsync(string key)
    {
        if ((string?)await Database.StringGetAsync(Place(key)) is not { } stored) return null;
        return JsonSerializer.Deserialize(stored, StoredJson.Default.CodeRecord)! with { Stored = stored };
    }

    /// <summary>Tries a code. Of any number of simultaneous right codes exactly one is <see cref="TryOutcome.Right"/>.</summary>
    public Task<TryOutcome> TryAsync(string key, string code) => TryAsync(key, code, static _ => { });

    /// <summary>Tries a code; <paramref name="onRight"/> adds what happens in the same step as the success.</summary>
    public Task<TryOutcome> TryAsync(string key, string code, Action<ITransaction> onRight) =>
        TryAsync(key, record => IsOneOf(record.Hashes, HashOf(key, record.Nonce, code)), costsTry: true, onRight);

    /// <summary>
    /// True when the link went out with one of the record's codes; whether it still opens it is the record's state. Asking changes nothing.
    /// </summary>
    public bool HasLink(string key, CodeRecord record, string link) =>
        link.Length == LinkLength && IsOneOf(record.LinkHashes, LinkHashOf(key, link));

    /// <summary>
    /// Tries a link in place of a code: the same tries, the same single success. A wrong one is <see cref="TryOutcome.Wrong"/> whatever the
    /// record's state, and costs no try: it cannot be guessed, and its try would be one that a stray request takes from the user's codes.
    /// The right one takes a try like a code, so that a record that is locked is locked for it too.
    /// </summary>
    public Task<TryOutcome> TryLinkAsync(string key, string link) =>
        TryAsync(key, record => HasLink(key, record, link), costsTry: false, static _ => { });

    // The result is told only when its try has been counted on the very record that was compared with, in one step. Otherwise the record
    // has changed, and the try starts again, as often as others change it, which the number of tries and sends bounds.
    private async Task<TryOutcome> TryAsync(string key, Func<CodeRecord, bool> matches, bool costsTry, Action<ITransaction> onRight)
    {
        while (true)
        {
            if (await FindAsync(key) is not { } record) return new TryOutcome.Expired(null);
            var isRight = matches(record);
            if (!isRight && !costsTry) return new TryOutcome.Wrong(record.AttemptsLeft, record);
            if (!record.IsOpen || record.IsExpired(time.GetUtcNow())) return new TryOutcome.Expired(record);
            if (record.IsLocked) return new TryOutcome.Locked(record);

            var next = record with { AttemptsLeft = record.AttemptsLeft - 1, IsOpen = !isRight };
            if (await ChangeAsync(key, record, next, isRight ? onRight : static _ => { }) is not { } tried) continue;
            return isRight ? new TryOutcome.Right(tried) : new TryOutcome.Wrong(tried.AttemptsLeft, tried);
        }
    }

    /// <summary>Adds a code to the record that was read; the earlier ones and the deadline stay as they are.</summary>
    public Task<ResendOutcome> AddCodeAsync(string key, CodeRecord record, string? code) => AddCodeAsync(key, record, code, link: null);

    /// <summary>Adds a code and a link to the record that was read; earlier ones stay valid, too.</summary>
    public async Task<ResendOutcome> AddCodeAsync(string key, CodeRecord record, string? code, string? link)
    {
        var hash = HashOf(key, record.Nonce, code);
        IReadOnlyList<byte[]> links = link is null ? [] : [LinkHashOf(key, link)];
        while (true)
        {
            var now = time.GetUtcNow();
            if (!record.IsLive(now)) return new ResendOutcome.Ended();
            if (record.Sends >= record.MaxSends) return new ResendOutcome.NoSendsLeft();
            if (now < record.ResendAt) return new ResendOutcome.CoolingDown(record.ResendAt);

            var next = record with
            {
                Sends = record.Sends + 1,
                SentAt = now,
                Hashes = [.. record.Hashes, hash],
                LinkHashes = [.. record.LinkHashes, .. links],
            };
            if (await ChangeAsync(key, record, next) is { } added) return new ResendOutcome.Added(added);
            if (await FindAsync(key) is not { } changed || changed.Nonce != record.Nonce) return new ResendOutcome.Ended();
            record = changed;
        }
    }

    /// <summary>Removes the record that is there.</summary>
    public async Task RemoveAsync(string key)
    {
        if (await FindAsync(key) is { } record) await RemoveAsync(key, record);
    }

    /// <summary>Removes this record; one that took its place meanwhile stays.</summary>
    /// <returns>True for the one call that removed it.</returns>
    public Task<bool> RemoveAsync(string key, CodeRecord record) => RemoveAsync(key, record, static _ => { });

    /// <summary>Removes this record; <paramref name="also"/> adds to the same step.</summary>
    public async Task<bool> RemoveAsync(string key, CodeRecord record, Action<ITransaction> also)
    {
        for (var current = record; current is not null && current.Nonce == record.Nonce; current = await FindAsync(key))
        {
            var transaction = Database.CreateTransaction();
            transaction.AddCondition(Condition.StringEqual(Place(key), current.Stored));
            also(transaction);
            _ = transaction.KeyDeleteAsync(Place(key));
            if (await transaction.ExecuteAsync()) return true;
        }
        return false;
    }

    private Task<CodeRecord?> ChangeAsync(string key, CodeRecord record, CodeRecord next) =>
        ChangeAsync(key, record, next, static _ => { });

    // Writes the next record in one step if the store still holds what was read; else null.
    private async Task<CodeRecord?> ChangeAsync(string key, CodeRecord? record, CodeRecord next, Action<ITransaction> also)
    {
        var place = Place(key);
        var stored = Write(next);
        var transaction = Database.CreateTransaction();
        transaction.AddCondition(record is null ? Condition.KeyNotExists(place) : Condition.StringEqual(place, record.Stored));
        // First, so that who sees the record sees this as well.
        also(transaction);
        _ = transaction.StringSetAsync(place, stored, LifeOf(next));
        return await transaction.ExecuteAsync() ? next with { Stored = stored } : null;
    }

    private static string Write(CodeRecord record) => JsonSerializer.Serialize(record, StoredJson.Default.CodeRecord);

    // A record that ends while it is changed is kept as long as one that has just ended.
    private TimeSpan LifeOf(CodeRecord record) => TimeSpan.FromTicks(Math.Max(0, (record.Deadline - time.GetUtcNow()).Ticks)) + s_linger;

    private static RedisKey Place(string key) => key + ":record";

    private byte[] HashOf(string key, string nonce, string? code) =>
        // Bound to the record, so that a code is worth nothing in another browser's sign-in or in a record that takes this one's place, and
        // keyed, because six digits without a key are found in a millisecond from a dump.
        code is null
            ? RandomNumberGenerator.GetBytes(HMACSHA256.HashSizeInBytes)
            : HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{key}\n{nonce}\n{code}"));

    // Bound to the key alone: a link's secret is random, so no other record has the same one.
    private byte[] LinkHashOf(string key, string link) => HMACSHA256.HashData(_linkKey, Encoding.UTF8.GetBytes($"{key}\n{link}"));

    private static bool IsOneOf(IReadOnlyList<byte[]> hashes, byte[] hash)
    {
        var found = false;
        foreach (var candidate in hashes) found |= CryptographicOperations.FixedTimeEquals(candidate, hash);
        return found;
    }

    [JsonSerializable(typeof(CodeRecord))]
    private sealed partial class StoredJson : JsonSerializerContext;
}
