using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Jwt;

/// <summary>A key of the key ring.</summary>
/// <param name="Field">The field that stores it.</param>
/// <param name="Kid">Its public id, in the header of every token that it signed.</param>
/// <param name="ActiveFrom">When it starts signing, unless there is a newer one. It is published before.</param>
/// <param name="PublishedUntil">When its tokens become invalid; null while it has no successor.</param>
internal sealed record RingKey(string Field, string Kid, SigningKey Key, DateTimeOffset ActiveFrom, DateTimeOffset? PublishedUntil)
{
    public string Algorithm => Key.Algorithm;

    /// <summary>The encoded JOSE header of its tokens.</summary>
    public string Header { get; } =
        JwtText.Encode(JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["alg"] = Key.Algorithm, ["kid"] = Kid, ["typ"] = "JWT" }));

    public override string ToString() => Kid;
}

/// <summary>The result of a key rotation.</summary>
/// <param name="ActiveFrom">When the new keys start signing.</param>
/// <param name="OldUntil">When tokens of the old keys become invalid.</param>
public sealed record KeyRotation(IReadOnlyList<string> NewKids, DateTimeOffset ActiveFrom, DateTimeOffset OldUntil);

/// <summary>
/// The keys that sign JWTs. They are created at the first start, shared by all replicas, and rotated by a command.
/// </summary>
/// <remarks>
/// Key layout in the token database: <c>jwt:keys</c>, a hash of <c>{algorithm}:{number}</c> → AES-GCM of the key and its times,
/// encrypted with a key derived from AUTH_SECRET_KEY, so that a dump of Redis cannot sign. Numbers only increase and fields are
/// written once (HSETNX), so that of concurrent first starts or rotations one creates the key and the others find it. Keys
/// encrypted under another AUTH_SECRET_KEY are skipped.
/// </remarks>
public sealed partial class KeyRing(Stores stores, AuthSecret secret, JwtAlgorithms algorithms, TimeProvider time, ILogger<KeyRing> logger)
    : IDisposable
{
    /// <summary>How long verifiers may cache the published keys.</summary>
    public static readonly TimeSpan PublishedFor = TimeSpan.FromMinutes(5);

    /// <summary>How long a new key is published before it signs, so that all verifiers and replicas know it by then.</summary>
    public static readonly TimeSpan PublishedBefore = TimeSpan.FromMinutes(10);

    private const string Hash = "jwt:keys";

    // Maximum delay until another replica's rotation is noticed.
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_maxStaleness = TimeSpan.FromHours(1);

    // Clients can make up key ids, so an unknown id causes a reload at most this often.
    private static readonly TimeSpan s_refreshInterval = TimeSpan.FromSeconds(5);

    private readonly AeadProtector _protector = new(secret.DeriveKey("jwt-signing-keys"));
    private readonly SemaphoreSlim _gate = new(1, 1);
    private volatile Snapshot _snapshot = new([], DateTimeOffset.MinValue);

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Returns the key that signs now.</summary>
    internal async Task<RingKey> SigningAsync(string algorithm)
    {
        var now = time.GetUtcNow();
        var keys = (await ReadAsync(s_fresh)).Where(key => key.Algorithm == algorithm && IsPublished(key)).ToList();
        // If no key is active, the last one: after an immediate rotation, on a replica whose clock is slightly behind.
        return keys.FindLast(key => key.ActiveFrom <= now) ?? keys[^1];
    }

    /// <summary>Returns the key with this id while its tokens are valid, or null.</summary>
    internal async Task<RingKey?> FindAsync(string kid) =>
        Named(await ReadAsync(s_fresh), kid) ?? Named(await ReadAsync(s_refreshInterval), kid);

    /// <summary>Returns all keys whose tokens are or will be valid: the default algorithm's first, then oldest first.</summary>
    /// <remarks>
    /// While the store is unavailable, returns the known keys for up to one hour, so that apps that start in the meantime can
    /// verify tokens.
    /// </remarks>
    internal async Task<IReadOnlyList<RingKey>> PublishedAsync()
    {
        IReadOnlyList<RingKey> keys;
        try
        {
            keys = await ReadAsync(s_fresh);
        }
        catch (Exception e) when (StoreFailure.Is(e) && time.GetUtcNow() - _snapshot.At < s_maxStaleness)
        {
            keys = _snapshot.Keys;
        }
        return [.. keys.Where(IsPublished).OrderBy(key => key.Algorithm != algorithms.Default)];
    }

    /// <summary>Creates missing keys. Called at startup, and whenever a key is needed but missing.</summary>
    internal Task EnsureAsync() => ReadAsync(TimeSpan.Zero);

    /// <summary>Creates a new key for every algorithm.</summary>
    /// <param name="overlap">How long tokens of the old keys stay valid after the new ones start signing. At least the longest
    /// lifetime of the tokens that must survive.</param>
    /// <param name="atOnce">For a compromised key: the new keys sign immediately, and all tokens of the old keys become
    /// invalid.</param>
    public async Task<KeyRotation> RotateAsync(TimeSpan overlap, bool atOnce)
    {
        // A new key signs only after a while, so another one must sign until then.
        await EnsureAsync();
        var now = time.GetUtcNow();
        var (activeFrom, after) = atOnce ? (now, TimeSpan.Zero) : (now + PublishedBefore, overlap);
        var stored = await LoadAsync();
        var kids = new List<string>();
        foreach (var algorithm in algorithms.All)
        {
            var made = await CreateKeyAsync(algorithm, NextNumber(stored, algorithm), activeFrom, after);
            // A concurrent rotation won. Its key is equally new, but it may leave the old keys valid, so an immediate rotation
            // retries.
            while (atOnce && !made.IsOurs)
            {
                made = await CreateKeyAsync(algorithm, NextNumber(await LoadAsync(), algorithm), activeFrom, after);
            }
            kids.Add(made.Kid);
        }
        // Deletes keys that can no longer verify any token.
        foreach (var over in (await ReadAsync(TimeSpan.Zero)).Where(key => !IsPublished(key)))
            await Database.HashDeleteAsync(Hash, over.Field);
        Rotated(activeFrom, activeFrom + after);
        return new KeyRotation(kids, activeFrom, activeFrom + after);
    }

    public void Dispose()
    {
        foreach (var key in _snapshot.Keys) key.Key.Dispose();
        _gate.Dispose();
    }

    private bool IsPublished(RingKey key) => key.PublishedUntil is not { } until || time.GetUtcNow() < until;

    private RingKey? Named(IReadOnlyList<RingKey> keys, string kid) => keys.FirstOrDefault(key => key.Kid == kid && IsPublished(key));

    private async Task<IReadOnlyList<RingKey>> ReadAsync(TimeSpan freshness)
    {
        var snapshot = _snapshot;
        if (time.GetUtcNow() - snapshot.At < freshness) return snapshot.Keys;
        await _gate.WaitAsync();
        try
        {
            if (_snapshot != snapshot && time.GetUtcNow() - _snapshot.At < freshness) return _snapshot.Keys;
            var stored = await LoadAsync();
            foreach (var algorithm in algorithms.All.Where(
                algorithm => !stored.Exists(key => key.Algorithm == algorithm && key.Record is not null)))
            {
                // Active from the epoch: the first key signs immediately, even on a replica whose clock is behind.
                await CreateKeyAsync(algorithm, NextNumber(stored, algorithm), DateTimeOffset.UnixEpoch, TimeSpan.Zero);
                KeyCreated(algorithm);
                stored = await LoadAsync();
            }
            return (_snapshot = new Snapshot(Assemble(stored), time.GetUtcNow())).Keys;
        }
        finally
        {
            _gate.Release();
        }
    }

    // Reuses loaded keys, so that no request loses the key that it is using.
    private List<RingKey> Assemble(List<StoredKey> stored)
    {
        var known = _snapshot.Keys.ToDictionary(key => key.Kid, StringComparer.Ordinal);
        var keys = new List<RingKey>();
        foreach (var line in stored.Where(key => key.Record is not null).GroupBy(key => key.Algorithm, StringComparer.Ordinal))
        {
            DateTimeOffset? until = null;
            foreach (var key in line.OrderByDescending(key => key.Number))
            {
                var record = key.Record!;
                var signing = known.GetValueOrDefault(record.Kid)?.Key
                    ?? SigningKey.Import(key.Algorithm, Convert.FromBase64String(record.PrivateKey));
                if (signing is not null)
                    keys.Insert(0, new RingKey(NameOf(key.Algorithm, key.Number), record.Kid, signing, Instant(record.ActiveFrom), until));
                // The earliest end set by any successor: an immediate rotation also ends keys that have a later end.
                var end = Instant(record.ActiveFrom) + TimeSpan.FromSeconds(record.Overlap);
                until = until is { } earlier && earlier < end ? earlier : end;
            }
        }
        return keys;
    }

    private async Task<List<StoredKey>> LoadAsync()
    {
        var keys = new List<StoredKey>();
        foreach (var entry in await Database.HashGetAllAsync(Hash))
        {
            var name = (string)entry.Name!;
            if (name.Split(':') is not [var algorithm, var digits]
                || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                continue;
            var record = _protector.TryUnprotect((byte[])entry.Value!, name, out var json)
                ? JsonSerializer.Deserialize(json, KeyJson.Default.KeyRecord) : null;
            keys.Add(new StoredKey(algorithm, number, record));
        }
        return keys;
    }

    // Returns the id of the key that is stored under this number, whichever replica created it.
    private async Task<(string Kid, bool IsOurs)> CreateKeyAsync(string algorithm, int number, DateTimeOffset activeFrom, TimeSpan overlap)
    {
        using var key = SigningKey.New(algorithm);
        var name = NameOf(algorithm, number);
        var record = new KeyRecord(
            RandomText.New(16), activeFrom.ToUnixTimeMilliseconds(), (long)overlap.TotalSeconds, Convert.ToBase64String(key.Export()));
        if (await Database.HashSetAsync(
            Hash, name, _protector.Protect(JsonSerializer.Serialize(record, KeyJson.Default.KeyRecord), name), When.NotExists))
            return (record.Kid, true);
        return ((await LoadAsync()).Find(other => other.Algorithm == algorithm && other.Number == number)?.Record?.Kid ?? "", false);
    }

    private static int NextNumber(List<StoredKey> stored, string algorithm) =>
        1 + stored.Where(key => key.Algorithm == algorithm).Select(key => key.Number).DefaultIfEmpty(0).Max();

    private static string NameOf(string algorithm, int number) => string.Create(CultureInfo.InvariantCulture, $"{algorithm}:{number}");

    private static DateTimeOffset Instant(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    private sealed record Snapshot(IReadOnlyList<RingKey> Keys, DateTimeOffset At);

    private sealed record StoredKey(string Algorithm, int Number, KeyRecord? Record);

    internal sealed record KeyRecord(string Kid, long ActiveFrom, long Overlap, string PrivateKey)
    {
        public override string ToString() => Kid;
    }

    [JsonSerializable(typeof(KeyRecord))]
    private sealed partial class KeyJson : JsonSerializerContext;

    [LoggerMessage(Level = LogLevel.Information, Message = "Created a JWT signing key ({Algorithm})")]
    private partial void KeyCreated(string algorithm);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Rotated the JWT keys: new keys sign from {ActiveFrom:u}, JWTs of the old keys are valid until {Until:u}")]
    private partial void Rotated(DateTimeOffset activeFrom, DateTimeOffset until);
}
