using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using OtpPortal.Storage;
using OtpPortal.Web;
using StackExchange.Redis;

namespace OtpPortal.OneTimeCodes;

/// <summary>
/// One-time codes: made, hashed, tried and sent again. Every feature that hands out codes uses this one piece.
/// </summary>
/// <remarks>
/// Key layout in the OTP database, K = <c>code:{realm}:{SHA-256 of the id}</c>:
/// <code>
/// K        hash    deadline, tries, sends, sent, sent_at, cooldown (ms, UTC), c1…cN = HMAC of each code, l1…lN = HMAC of the link
///                  that went with it, d:… = the feature's data
/// K:tries  list    one ticket for each try that is left; taking one is LPOP, which is atomic and, unlike HINCRBY, does not
///                  bring a key that has just expired back to life without an expiry
/// K:open   string  there until a right code is taken; whoever claims it has the success, everybody else comes too late
/// </code>
/// All three live <see cref="Linger"/> beyond the deadline, so that a late visitor reads "expired" and not "unknown". The deadline
/// itself is the stored instant; the expiry in Redis only sweeps.
/// </remarks>
public sealed class CodeStore(Stores stores, AuthSecret secret, TimeProvider time)
{
    private const int LinkLength = 43;
    private static readonly TimeSpan s_linger = TimeSpan.FromMinutes(10);

    // From the claim of a key to its record it is a round trip.
    private static readonly TimeSpan s_claimLife = TimeSpan.FromSeconds(10);
    private readonly byte[] _key = secret.DeriveKey("one-time-codes");

    // A key of its own, so that a link can never be taken for a code, nor a code for a link.
    private readonly byte[] _linkKey = secret.DeriveKey("one-time-links");

    /// <summary>How long a record outlives its deadline.</summary>
    public static TimeSpan Linger => s_linger;

    private IDatabase Database => stores.Otp.Database;

    /// <summary>A code of <paramref name="length"/> digits from the system's CSPRNG: every one equally likely, leading zeros kept.</summary>
    public static string NewCode(int length) => NewCode(length, "0123456789");

    /// <summary>As the other one, of the characters of <paramref name="alphabet"/>.</summary>
    public static string NewCode(int length, string alphabet) => RandomNumberGenerator.GetString(alphabet, length);

    /// <summary>The secret of a link that does what a code does: 256 bits, so that nobody counts how often a wrong one is tried.</summary>
    public static string NewLink() => RandomText.New(LinkLength);

    /// <summary>The place of a record. Only the id's SHA-256 is stored: an id opens the record, as a password would.</summary>
    public static string KeyOf(string realm, string id) => $"code:{realm}:{Digest.Of(id)}";

    /// <summary>
    /// Begins a record, in place of any that had the same key. A null <paramref name="code"/> makes a record like every other that
    /// no code can ever open: for addresses that nothing is sent to.
    /// </summary>
    public Task<CodeRecord> BeginAsync(string key, string? code, CodeTerms terms, IReadOnlyDictionary<string, string> data) =>
        BeginAsync(key, code, link: null, terms, data);

    /// <summary>As the other one, with a link beside the code, from <see cref="NewLink"/>; null for a message that has none.</summary>
    public async Task<CodeRecord> BeginAsync(string key, string? code, string? link, CodeTerms terms, IReadOnlyDictionary<string, string> data)
    {
        var transaction = Database.CreateTransaction();
        var record = Write(transaction, key, code, link, terms, data, used: 0, sent: 1);
        await transaction.ExecuteAsync();
        return record;
    }

    /// <summary>
    /// Begins a record where <paramref name="before"/> was found; null when it has changed since, and then nothing is done. A record that can
    /// still be opened hands on the tries it has used and the codes it has sent: whoever asks again and again gets no more guesses. Its codes
    /// are good no longer.
    /// </summary>
    public async Task<CodeRecord?> ReplaceAsync(string key, CodeRecord? before, string code, CodeTerms terms, IReadOnlyDictionary<string, string> data)
    {
        var transaction = Database.CreateTransaction();
        if (before is null)
        {
            // Claimed by one command: a condition would make every other call of the connection wait for its answer. What a process leaves that
            // dies before it writes the rest, ends by itself.
            if (!await Database.StringSetAsync(Open(key), "1", s_claimLife, When.NotExists)) return null;
            var first = Write(transaction, key, code, link: null, terms, data, used: 0, sent: 1);
            await transaction.ExecuteAsync();
            return first;
        }

        var (used, sent) = (0, 1);
        transaction.AddCondition(Condition.HashEqual(key, "deadline", before.Deadline.ToUnixTimeMilliseconds()));
        transaction.AddCondition(Condition.HashEqual(key, "sent", before.Sends));
        if (before.IsOpen && !before.IsExpired(time.GetUtcNow()))
        {
            // A try that is taken meanwhile must not come back.
            transaction.AddCondition(Condition.ListLengthEqual(Tries(key), before.AttemptsLeft));
            (used, sent) = (before.MaxAttempts - before.AttemptsLeft, before.Sends + 1);
        }
        var record = Write(transaction, key, code, link: null, terms, data, used, sent);
        return await transaction.ExecuteAsync() ? record : null;
    }

    /// <summary>
    /// Adds to the data of an open record what is not there yet, and counts the cooldown from now; false when somebody else was faster.
    /// </summary>
    public Task<bool> FillInAsync(string key, string name, string value)
    {
        var transaction = Database.CreateTransaction();
        transaction.AddCondition(Condition.HashNotExists(key, "d:" + name));
        transaction.AddCondition(Condition.KeyExists(Open(key)));
        _ = transaction.HashSetAsync(key, [new HashEntry("d:" + name, value), new HashEntry("sent_at", time.GetUtcNow().ToUnixTimeMilliseconds())]);
        return transaction.ExecuteAsync();
    }

    /// <summary>Takes back what <see cref="FillInAsync"/> added.</summary>
    public Task WithdrawAsync(string key, string name) => Database.HashDeleteAsync(key, "d:" + name);

    private CodeRecord Write(
        ITransaction transaction, string key, string? code, string? link, CodeTerms terms, IReadOnlyDictionary<string, string> data, int used, int sent)
    {
        var now = time.GetUtcNow();
        var deadline = now + terms.Lifetime;
        var hash = HashOf(key, code);
        var fields = new List<HashEntry>
        {
            new("deadline", deadline.ToUnixTimeMilliseconds()),
            new("tries", terms.MaxAttempts),
            new("sends", terms.MaxSends),
            new("sent", sent),
            new("sent_at", now.ToUnixTimeMilliseconds()),
            new("cooldown", (long)terms.ResendCooldown.TotalMilliseconds),
            new("c1", hash),
        };
        IReadOnlyList<byte[]> links = link is null ? [] : [LinkHashOf(key, link)];
        fields.AddRange(links.Select(linkHash => new HashEntry("l1", linkHash)));
        fields.AddRange(data.Select(item => new HashEntry("d:" + item.Key, item.Value)));
        var left = Math.Max(0, terms.MaxAttempts - used);
        var tickets = Enumerable.Range(0, left).Select(i => (RedisValue)(left - 1 - i)).ToArray();

        var life = terms.Lifetime + s_linger;
        _ = transaction.KeyDeleteAsync([key, Tries(key), Open(key)]);
        _ = transaction.HashSetAsync(key, [.. fields]);
        _ = transaction.KeyExpireAsync(key, life);
        if (tickets.Length > 0)
        {
            _ = transaction.ListRightPushAsync(Tries(key), tickets);
            _ = transaction.KeyExpireAsync(Tries(key), life);
        }
        _ = transaction.StringSetAsync(Open(key), "1", life);
        return new CodeRecord(deadline, terms.MaxAttempts, left, terms.MaxSends, sent, now, terms.ResendCooldown, IsOpen: true, data) { Hashes = [hash], LinkHashes = links };
    }

    /// <summary>The record, or null when there is none (any more).</summary>
    public async Task<CodeRecord?> FindAsync(string key)
    {
        var record = Database.HashGetAllAsync(key);
        var tries = Database.ListLengthAsync(Tries(key));
        var open = Database.KeyExistsAsync(Open(key));
        return Read(await record, (int)await tries, await open);
    }

    /// <summary>
    /// Tries a code. The try is counted before anything is compared, so that no number of simultaneous guesses gets more than the
    /// record's tries; and of any number of simultaneous right codes exactly one is told <see cref="TryOutcome.Right"/>.
    /// </summary>
    public Task<TryOutcome> TryAsync(string key, string code) => TryAsync(key, code, static _ => { });

    /// <summary>As the other one; <paramref name="onRight"/> adds what happens in the same step as the success.</summary>
    public async Task<TryOutcome> TryAsync(string key, string code, Action<ITransaction> onRight)
    {
        var record = await FindAsync(key);
        return record is null ? new TryOutcome.Expired(null) : await TryAsync(key, record, record.Hashes, HashOf(key, code), onRight);
    }

    /// <summary>True when the link went out with one of the record's codes; whether it still opens it is the record's state. Asking changes nothing.</summary>
    public bool HasLink(string key, CodeRecord record, string link) => link.Length == LinkLength && IsOneOf(record.LinkHashes, LinkHashOf(key, link));

    /// <summary>
    /// Tries a link in place of a code: the same tries, the same single success. A wrong one is <see cref="TryOutcome.Wrong"/> whatever the
    /// record's state, and costs no try: it cannot be guessed, and its try would be one that a stray request takes from the user's codes. The right
    /// one takes a try like a code, so that a record that is locked is locked for it too.
    /// </summary>
    public async Task<TryOutcome> TryLinkAsync(string key, string link)
    {
        var record = await FindAsync(key);
        if (record is null) return new TryOutcome.Expired(null);
        if (!HasLink(key, record, link)) return new TryOutcome.Wrong(record.AttemptsLeft, record);
        return await TryAsync(key, record, record.LinkHashes, LinkHashOf(key, link), static _ => { });
    }

    private async Task<TryOutcome> TryAsync(string key, CodeRecord record, IReadOnlyList<byte[]> right, byte[] hash, Action<ITransaction> onRight)
    {
        if (record.IsExpired(time.GetUtcNow()) || !record.IsOpen) return new TryOutcome.Expired(record);

        var ticket = await Database.ListLeftPopAsync(Tries(key));
        if (ticket.IsNull)
        {
            return await Database.KeyExistsAsync(Open(key)) ? new TryOutcome.Locked(record) : new TryOutcome.Expired(record);
        }

        var left = (int)ticket;
        if (!IsOneOf(right, hash)) return new TryOutcome.Wrong(left, record with { AttemptsLeft = left });
        if (!await Database.ClaimAsync(Open(key), onRight)) return new TryOutcome.Expired(record);
        return new TryOutcome.Right(record with { AttemptsLeft = left, IsOpen = false });
    }

    /// <summary>Adds a code to a record; the earlier ones and the deadline stay as they are.</summary>
    public Task<ResendOutcome> AddCodeAsync(string key, string? code) => AddCodeAsync(key, code, link: null);

    /// <summary>As the other one, with a link beside the code; earlier links stay good, too.</summary>
    public async Task<ResendOutcome> AddCodeAsync(string key, string? code, string? link)
    {
        var record = await FindAsync(key);
        var now = time.GetUtcNow();
        if (record is null || !record.IsLive(now)) return new ResendOutcome.Ended();
        if (record.Sends >= record.MaxSends) return new ResendOutcome.NoSendsLeft();
        if (now < record.ResendAt) return new ResendOutcome.CoolingDown(record.ResendAt);

        // The condition makes it one step: of simultaneous resends one wins, and a record that has gone is not brought back.
        var sends = record.Sends + 1;
        var hash = HashOf(key, code);
        IReadOnlyList<byte[]> links = link is null ? [] : [LinkHashOf(key, link)];
        var transaction = Database.CreateTransaction();
        transaction.AddCondition(Condition.HashEqual(key, "sent", record.Sends));
        transaction.AddCondition(Condition.KeyExists(Open(key)));
        _ = transaction.HashSetAsync(key,
        [
            new HashEntry("sent", sends),
            new HashEntry("sent_at", now.ToUnixTimeMilliseconds()),
            new HashEntry(string.Create(CultureInfo.InvariantCulture, $"c{sends}"), hash),
            .. links.Select(linkHash => new HashEntry(string.Create(CultureInfo.InvariantCulture, $"l{sends}"), linkHash)),
        ]);
        return await transaction.ExecuteAsync()
            ? new ResendOutcome.Added(record with { Sends = sends, SentAt = now, Hashes = [.. record.Hashes, hash], LinkHashes = [.. record.LinkHashes, .. links] })
            : new ResendOutcome.CoolingDown(now + record.ResendCooldown);
    }

    /// <summary>Ends a record at once.</summary>
    public Task RemoveAsync(string key) => Database.KeyDeleteAsync([key, Tries(key), Open(key)]);

    /// <summary>Ends this record at once; one that took its place meanwhile stays. Returns true for the one caller that ended it.</summary>
    public Task<bool> RemoveAsync(string key, CodeRecord record)
    {
        var transaction = Database.CreateTransaction();
        transaction.AddCondition(Condition.HashEqual(key, "deadline", record.Deadline.ToUnixTimeMilliseconds()));
        transaction.AddCondition(Condition.HashEqual(key, "sent", record.Sends));
        _ = transaction.KeyDeleteAsync([key, Tries(key), Open(key)]);
        return transaction.ExecuteAsync();
    }

    private static RedisKey Tries(string key) => key + ":tries";

    private static RedisKey Open(string key) => key + ":open";

    private byte[] HashOf(string key, string? code) =>
        // Bound to the record, so that a code is worth nothing in another browser's sign-in, and keyed, because six digits without a
        // key are found in a millisecond from a dump.
        code is null ? RandomNumberGenerator.GetBytes(HMACSHA256.HashSizeInBytes) : HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{key}\n{code}"));

    // Bound to the record as well: with another sign-in it is worth nothing.
    private byte[] LinkHashOf(string key, string link) => HMACSHA256.HashData(_linkKey, Encoding.UTF8.GetBytes($"{key}\n{link}"));

    private static bool IsOneOf(IReadOnlyList<byte[]> hashes, byte[] hash)
    {
        var found = false;
        foreach (var candidate in hashes) found |= CryptographicOperations.FixedTimeEquals(candidate, hash);
        return found;
    }

    private static CodeRecord? Read(HashEntry[] entries, int attemptsLeft, bool isOpen)
    {
        var fields = entries.ToDictionary(entry => (string)entry.Name!, entry => entry.Value, StringComparer.Ordinal);
        if (!fields.TryGetValue("deadline", out var deadline)) return null;
        return new CodeRecord(
            DateTimeOffset.FromUnixTimeMilliseconds((long)deadline),
            (int)fields["tries"],
            attemptsLeft,
            (int)fields["sends"],
            (int)fields["sent"],
            DateTimeOffset.FromUnixTimeMilliseconds((long)fields["sent_at"]),
            TimeSpan.FromMilliseconds((long)fields["cooldown"]),
            isOpen,
            fields.Where(field => field.Key.StartsWith("d:", StringComparison.Ordinal))
                .ToDictionary(field => field.Key[2..], field => (string)field.Value!, StringComparer.Ordinal))
        {
            Hashes = HashesOf('c'),
            LinkHashes = HashesOf('l'),
        };

        IReadOnlyList<byte[]> HashesOf(char kind) =>
            [.. fields.Where(field => field.Key.Length > 1 && field.Key[0] == kind && char.IsAsciiDigit(field.Key[1])).Select(field => (byte[])field.Value!)];
    }
}
