using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.OneTimeCodes;

/// <summary>Creates, hashes, verifies and resends one-time codes for all features.</summary>
/// <remarks>
/// Key layout in the OTP database, K = <c>code:{realm:SHA-256 of the id}</c>:
/// <code>
/// K:record   string   a <see cref="CodeRecord"/> in JSON, with the HMACs of its codes and links
/// </code>
/// The braces are part of the key: all keys of a record, also those that features add, share this hash tag.
/// A gateway reuses ids, so another record can replace the one under K at any time. Every change is therefore a transaction on
/// the text that was read, and a random nonce makes the texts of any two records differ. A record is a single string, because
/// SET is atomic for all readers.
/// The key expires <see cref="Retention"/> after the deadline, so that a late user sees "expired" and not "unknown". The stored
/// deadline is authoritative; key expiry in Redis only cleans up.
/// </remarks>
public sealed partial class CodeStore(Stores stores, AuthSecret secret, TimeProvider time)
{
    private const int LinkLength = 43;
    private const int NonceLength = 22;
    private static readonly TimeSpan s_retention = TimeSpan.FromMinutes(10);
    private readonly byte[] _key = secret.DeriveKey("one-time-codes");

    // A separate key, so that a link is never accepted as a code or vice versa.
    private readonly byte[] _linkKey = secret.DeriveKey("one-time-links");

    /// <summary>How long a record is kept after its deadline.</summary>
    public static TimeSpan Retention => s_retention;

    private StoreDatabase Database => stores.Otp.Database;

    /// <summary>
    /// Creates a code of <paramref name="length"/> uniformly random digits, leading zeros included, from the system's CSPRNG.
    /// </summary>
    public static string NewCode(int length) => NewCode(length, "0123456789");

    /// <summary>
    /// Creates a code of uniformly random characters of <paramref name="alphabet"/> from the system's CSPRNG.
    /// </summary>
    public static string NewCode(int length, string alphabet) => RandomNumberGenerator.GetString(alphabet, length);

    /// <summary>Creates the secret of a link. It has 256 bits, so that wrong links need no attempt limit.</summary>
    public static string NewLink() => RandomText.New(LinkLength);

    /// <summary>
    /// Returns the key of a record. Only the id's SHA-256 is stored, because an id grants access to the record like a password.
    /// </summary>
    public static string KeyOf(string realm, string id) => $"code:{{{realm}:{Digest.Of(id)}}}";

    /// <summary>
    /// Creates a record under a new id. A null <paramref name="code"/> creates a record that looks the same but that no code
    /// verifies, for addresses that nothing is sent to.
    /// </summary>
    public Task<CodeRecord> BeginAsync(string key, string? code, CodeOptions terms, JsonElement payload) =>
        BeginAsync(key, code, link: null, terms, payload);

    /// <summary>Creates a record with a code and a link from <see cref="NewLink"/>, or without a link if it is null.</summary>
    public async Task<CodeRecord> BeginAsync(
        string key, string? code, string? link, CodeOptions terms, JsonElement payload)
    {
        var record = Create(key, code, link, terms, payload, used: 0, sent: 1);
        var stored = Write(record);
        await Database.StringSetAsync(RecordKey(key), stored, RetentionOf(record));
        return record with { Stored = stored };
    }

    /// <summary>
    /// Creates a record that replaces <paramref name="before"/> and invalidates its codes; null if no record was found.
    /// </summary>
    /// <remarks>
    /// An open record passes on its used attempts and sent codes, so that requesting a new one grants no further guesses.
    /// </remarks>
    /// <param name="also">Adds commands to the same transaction, on keys that begin with <paramref name="key"/>.</param>
    /// <returns>The new record, or null if the record has changed since it was read; nothing is written then.</returns>
    public async Task<CodeRecord?> ReplaceAsync(
        string key, CodeRecord? before, string code, CodeOptions terms, JsonElement payload, Action<ITransaction> also)
    {
        var isOpen = before is { IsOpen: true } && !before.IsExpired(time.GetUtcNow());
        var record = Create(
            key, code, link: null, terms, payload,
            used: isOpen ? before!.MaxAttempts - before.AttemptsLeft : 0,
            sent: isOpen ? before!.Sends + 1 : 1);
        return await ChangeAsync(key, before, record, also);
    }

    /// <summary>Changes the payload of an open record and restarts the cooldown.</summary>
    /// <param name="change">Returns the new payload, or null to keep the record unchanged. Called again if the record has
    /// changed.</param>
    /// <returns>False if nothing was changed, the record has been replaced, or it is no longer open.</returns>
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
        string key, string? code, string? link, CodeOptions terms, JsonElement payload, int used, int sent)
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

    /// <summary>Returns the record, or null if there is none.</summary>
    public async Task<CodeRecord?> FindAsync(string key)
    {
        if ((byte[]?)await Database.StringGetAsync(RecordKey(key)) is not { } stored) return null;
        return JsonSerializer.Deserialize(stored, StoredJson.Default.CodeRecord)! with { Stored = stored };
    }

    /// <summary>Tries a code. Of concurrent correct attempts, exactly one returns <see cref="TryOutcome.Right"/>.</summary>
    public Task<TryOutcome> TryAsync(string key, string code) => TryAsync(key, code, static _ => { });

    /// <summary>Tries a code. <paramref name="onRight"/> adds commands to the transaction that records the success.</summary>
    public Task<TryOutcome> TryAsync(string key, string code, Action<ITransaction> onRight) =>
        TryAsync(key, record => IsOneOf(record.Hashes, HashOf(key, record.Nonce, code)), costsTry: true, onRight);

    /// <summary>
    /// Returns whether the link was sent with one of the record's codes, whatever the record's state. Changes nothing.
    /// </summary>
    public bool HasLink(string key, CodeRecord record, string link) =>
        link.Length == LinkLength && IsOneOf(record.LinkHashes, LinkHashOf(key, link));

    /// <summary>
    /// Tries a link in place of a code. A wrong link returns <see cref="TryOutcome.Wrong"/> whatever the record's state and
    /// uses no attempt: it cannot be guessed, and stray requests must not use up the user's attempts. The right link uses an
    /// attempt like a code, so a locked record rejects it too.
    /// </summary>
    public Task<TryOutcome> TryLinkAsync(string key, string link) =>
        TryAsync(key, record => HasLink(key, record, link), costsTry: false, static _ => { });

    // The result is returned only if the attempt was counted, atomically, on the record that it was compared with. If the
    // record has changed, the attempt is retried; the limits of attempts and sends bound the number of retries.
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

    /// <summary>Adds a code to a record. Earlier codes and the deadline do not change.</summary>
    public Task<ResendOutcome> AddCodeAsync(string key, CodeRecord record, string? code) => AddCodeAsync(key, record, code, link: null);

    /// <summary>Adds a code and a link to a record. Earlier codes and links stay valid.</summary>
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

    /// <summary>Removes the current record.</summary>
    public async Task RemoveAsync(string key)
    {
        if (await FindAsync(key) is { } record) await RemoveAsync(key, record);
    }

    /// <summary>Removes this record. A record that has replaced it remains.</summary>
    /// <returns>True for exactly one caller.</returns>
    public Task<bool> RemoveAsync(string key, CodeRecord record) => RemoveAsync(key, record, static _ => { });

    /// <summary>Removes this record. <paramref name="also"/> adds commands to the same transaction.</summary>
    public async Task<bool> RemoveAsync(string key, CodeRecord record, Action<ITransaction> also)
    {
        for (var current = record; current is not null && current.Nonce == record.Nonce; current = await FindAsync(key))
        {
            if (await Database.TransactAsync(KeyCondition.Holds(RecordKey(key), current.Stored), transaction =>
            {
                also(transaction);
                _ = transaction.KeyDeleteAsync(RecordKey(key));
            }))
            {
                return true;
            }
        }
        return false;
    }

    private Task<CodeRecord?> ChangeAsync(string key, CodeRecord record, CodeRecord next) =>
        ChangeAsync(key, record, next, static _ => { });

    // Replaces the record atomically, or returns null if the stored record has changed.
    private async Task<CodeRecord?> ChangeAsync(string key, CodeRecord? record, CodeRecord next, Action<ITransaction> also)
    {
        var place = RecordKey(key);
        var stored = Write(next);
        var isChanged = await Database.TransactAsync(
            record is null ? KeyCondition.NotExists(place) : KeyCondition.Holds(place, record.Stored), transaction =>
            {
                // First, so that readers who see the record also see these writes.
                also(transaction);
                _ = transaction.StringSetAsync(place, stored, RetentionOf(next));
            });
        return isChanged ? next with { Stored = stored } : null;
    }

    private static byte[] Write(CodeRecord record) => JsonSerializer.SerializeToUtf8Bytes(record, StoredJson.Default.CodeRecord);

    // A record whose deadline has passed is kept for the full linger time.
    private TimeSpan RetentionOf(CodeRecord record) =>
        TimeSpan.FromTicks(Math.Max(0, (record.Deadline - time.GetUtcNow()).Ticks)) + s_retention;

    private static RedisKey RecordKey(string key) => key + ":record";

    private byte[] HashOf(string key, string nonce, string? code) =>
        // Bound to the record, so that a code is useless in another browser's sign-in or in a record that replaces this one.
        // Keyed, because a plain hash of six digits from a dump can be brute-forced within a millisecond.
        code is null
            ? RandomNumberGenerator.GetBytes(HMACSHA256.HashSizeInBytes)
            : HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{key}\n{nonce}\n{code}"));

    // Bound to the key alone: the link's secret is random, so no other record has the same link.
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
