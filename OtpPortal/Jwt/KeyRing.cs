using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Jwt;

/// <summary>A key of the ring.</summary>
/// <param name="Field">Where it is stored.</param>
/// <param name="Kid">Its public name, in the header of every token that it signed.</param>
/// <param name="ActiveFrom">Signs from here on, unless a younger one does; published before already.</param>
/// <param name="PublishedUntil">What it signed is good no longer from here on; null while no successor is there.</param>
internal sealed record RingKey(string Field, string Kid, SigningKey Key, DateTimeOffset ActiveFrom, DateTimeOffset? PublishedUntil)
{
    public string Algorithm => Key.Algorithm;

    /// <summary>The JOSE header of its tokens, encoded.</summary>
    public string Header { get; } =
        JwtText.Encode(JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["alg"] = Key.Algorithm, ["kid"] = Kid, ["typ"] = "JWT" }));

    public override string ToString() => Kid;
}

/// <summary>What a rotation does, or would.</summary>
/// <param name="ActiveFrom">When the new keys begin to sign.</param>
/// <param name="OldUntil">Until when tokens of the old keys are good.</param>
public sealed record KeyRotation(IReadOnlyList<string> NewKids, DateTimeOffset ActiveFrom, DateTimeOffset OldUntil);

/// <summary>The keys that sign JWTs: made at the first start, shared by all replicas, replaced by a command.</summary>
/// <remarks>
/// Key layout in the token database: <c>jwt:keys</c>, a hash of <c>{algorithm}:{number}</c> → AES-GCM of the key and its times, sealed with
/// a key derived from AUTH_SECRET_KEY, so that a dump of Redis signs nothing. Numbers only grow; a field is written once (HSETNX), so of
/// simultaneous first starts, or rotations, one makes the key and the others find it. Keys under another AUTH_SECRET_KEY are ignored.
/// </remarks>
public sealed partial class KeyRing(Stores stores, AuthSecret secret, JwtAlgorithms algorithms, TimeProvider time, ILogger<KeyRing> logger)
    : IDisposable
{
    /// <summary>For so long verifiers may keep the published keys.</summary>
    public static readonly TimeSpan PublishedFor = TimeSpan.FromMinutes(5);

    /// <summary>A new key is published so long before it signs, that every verifier and replica knows it by then.</summary>
    public static readonly TimeSpan PublishedBefore = TimeSpan.FromMinutes(10);

    private const string Hash = "jwt:keys";

    // A rotation by another replica is known so soon.
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_whileAway = TimeSpan.FromHours(1);

    // Anyone can invent names of keys. This bounds how often they cause a lookup.
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(5);

    private readonly SealedText _seal = new(secret.DeriveKey("jwt-signing-keys"));
    private readonly SemaphoreSlim _gate = new(1, 1);
    private volatile Snapshot _snapshot = new([], DateTimeOffset.MinValue);

    private IDatabase Database => stores.Auth.Database;

    /// <summary>The key that signs now.</summary>
    internal async Task<RingKey> SigningAsync(string algorithm)
    {
        var now = time.GetUtcNow();
        var keys = (await ReadAsync(s_fresh)).Where(key => key.Algorithm == algorithm && IsPublished(key)).ToList();
        // The last one when none is active: after a rotation at once, on a replica whose clock is a little behind.
        return keys.FindLast(key => key.ActiveFrom <= now) ?? keys[^1];
    }

    /// <summary>The key of this name, while its tokens are good; null when there is none.</summary>
    internal async Task<RingKey?> FindAsync(string kid) => Named(await ReadAsync(s_fresh), kid) ?? Named(await ReadAsync(s_lookAgain), kid);

    /// <summary>All keys whose tokens are good, or will be, the default algorithm's first and the oldest first.</summary>
    /// <remarks>
    /// While the store is away those that are known are told, for an hour: apps that start meanwhile can go on verifying.
    /// </remarks>
    internal async Task<IReadOnlyList<RingKey>> PublishedAsync()
    {
        IReadOnlyList<RingKey> keys;
        try
        {
            keys = await ReadAsync(s_fresh);
        }
        catch (Exception e) when (StoreFailure.Is(e) && time.GetUtcNow() - _snapshot.At < s_whileAway)
        {
            keys = _snapshot.Keys;
        }
        return [.. keys.Where(IsPublished).OrderBy(key => key.Algorithm != algorithms.Default)];
    }

    /// <summary>Makes the keys that are missing. Done at the start, and again when they are needed and not there.</summary>
    internal Task EnsureAsync() => ReadAsync(TimeSpan.Zero);

    /// <summary>Gives every algorithm a new key.</summary>
    /// <param name="overlap">How long tokens of the old keys stay good after the new ones begin to sign: as long as the longest-lived token
    /// that shall live on.</param>
    /// <param name="atOnce">For a key that got into wrong hands: the new ones sign at once, and nothing the old ones signed is good any
    /// more.</param>
    public async Task<KeyRotation> RotateAsync(TimeSpan overlap, bool atOnce)
    {
        // What waits to sign needs somebody who signs until then.
        await EnsureAsync();
        var now = time.GetUtcNow();
        var (activeFrom, after) = atOnce ? (now, TimeSpan.Zero) : (now + PublishedBefore, overlap);
        var stored = await LoadAsync();
        var kids = new List<string>();
        foreach (var algorithm in algorithms.All)
        {
            var made = await MakeAsync(algorithm, NextNumber(stored, algorithm), activeFrom, after);
            // Another rotation came first. Its key is as new as this one would be; but it may leave the old ones their time, and at once is
            // at once.
            while (atOnce && !made.IsOurs) made = await MakeAsync(algorithm, NextNumber(await LoadAsync(), algorithm), activeFrom, after);
            kids.Add(made.Kid);
        }
        // What can verify nothing any more is not kept.
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
                // From the beginning of time: the first one waits for nobody, and a clock that is a little behind does not miss it.
                await MakeAsync(algorithm, NextNumber(stored, algorithm), DateTimeOffset.UnixEpoch, TimeSpan.Zero);
                Made(algorithm);
                stored = await LoadAsync();
            }
            return (_snapshot = new Snapshot(Assemble(stored), time.GetUtcNow())).Keys;
        }
        finally
        {
            _gate.Release();
        }
    }

    // What is known already is kept, so that no request loses the key it is using.
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
                // The earliest end that any successor sets: a rotation at once also ends what waits for a later end.
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
            var record = _seal.TryOpen((byte[])entry.Value!, name, out var json)
                ? JsonSerializer.Deserialize(json, KeyJson.Default.KeyRecord) : null;
            keys.Add(new StoredKey(algorithm, number, record));
        }
        return keys;
    }

    // Gives the name of the key that has this number in the end, whoever made it.
    private async Task<(string Kid, bool IsOurs)> MakeAsync(string algorithm, int number, DateTimeOffset activeFrom, TimeSpan overlap)
    {
        using var key = SigningKey.New(algorithm);
        var name = NameOf(algorithm, number);
        var record = new KeyRecord(
            RandomText.New(16), activeFrom.ToUnixTimeMilliseconds(), (long)overlap.TotalSeconds, Convert.ToBase64String(key.Export()));
        if (await Database.HashSetAsync(
            Hash, name, _seal.Seal(JsonSerializer.Serialize(record, KeyJson.Default.KeyRecord), name), When.NotExists))
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
    private partial void Made(string algorithm);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Rotated the JWT keys: new keys sign from {ActiveFrom:u}, JWTs of the old keys are valid until {Until:u}")]
    private partial void Rotated(DateTimeOffset activeFrom, DateTimeOffset until);
}
