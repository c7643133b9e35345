using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Storage;
using OtpPortal.Web;
using StackExchange.Redis;

namespace OtpPortal.Journal;

/// <summary>What an entry of the audit log tells of; in JSON in snake case.</summary>
public enum AuditEvent
{
    SignIn,
    SignInFailed,

    /// <summary>A sign-in ended because all its tries were wrong.</summary>
    Locked,
    SignedOut,
    Revoked,
    AdminAccess,
    AdminRefused,
    AdminLeft,
    LimitHit,
    TestMessage,

    /// <summary>Somebody came to the gateway with a wrong secret.</summary>
    NamespaceRefused,

    /// <summary>Somebody came to the API of service accounts with a key that is none.</summary>
    AccountRefused,

    /// <summary>A service account made another one.</summary>
    AccountCreated,
    AccountRemoved,

    /// <summary>The keys that sign JWTs were replaced.</summary>
    KeysRotated,
}

/// <summary>One line of the audit log.</summary>
/// <param name="Address">Whom it is about, masked.</param>
/// <param name="Ip">The client that caused it.</param>
/// <param name="By">Who did it, when it was not the user: <c>key</c>, or the masked address of an administrator.</param>
public sealed record AuditEntry(
    [property: JsonPropertyName("time")] DateTimeOffset Time,
    [property: JsonPropertyName("event")] AuditEvent Event,
    [property: JsonPropertyName("address")] string? Address,
    [property: JsonPropertyName("ip")] string Ip,
    [property: JsonPropertyName("outcome")] string Outcome,
    [property: JsonPropertyName("by")] string? By);

/// <summary>A page of the log, the newest entries first.</summary>
public sealed record AuditPageOfLog(IReadOnlyList<AuditEntry> Entries, long Total);

/// <summary>Who did what when: the last 10,000 entries.</summary>
/// <remarks>
/// Key layout in the token database: <c>audit</c>, a list of entries in JSON, the newest first; <c>audit:noted:{SHA-256}</c> is there while an
/// event that repeats itself is not written again. Writing never fails and never holds up what it tells of.
/// </remarks>
public sealed partial class AuditLog(Stores stores, TimeProvider time, ILogger<AuditLog> logger)
{
    /// <summary>Entries that are kept.</summary>
    internal const int Capacity = 10_000;

    private const string Log = "audit";
    private static readonly TimeSpan s_limitPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_visitPause = TimeSpan.FromMinutes(15);

    private static readonly JsonSerializerOptions s_json = new()
    {
        Converters = { new JsonStringEnumConverter<AuditEvent>(JsonNamingPolicy.SnakeCaseLower) },
        // One line of JSON for programs, never part of a page: there is nothing to escape for HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Something that a user, or somebody in a user's name, did.</summary>
    public void Write(AuditEvent what, string? email, string ip, string outcome) => _ = WriteAsync(Entry(what, email, ip, outcome, null));

    /// <summary>Something that an administrator did.</summary>
    public void WriteByAdmin(AuditEvent what, string? email, string ip, string outcome, string by) => _ = WriteAsync(Entry(what, email, ip, outcome, by));

    /// <summary>An administrator looked in: told once a visit, not for every page.</summary>
    public void WriteVisit(string ip, string by, string visit) =>
        _ = WriteOnceAsync($"visit\n{visit}", s_visitPause, Entry(AuditEvent.AdminAccess, null, ip, "admitted", by));

    /// <summary>A limit refused something. Told once a minute for the same one: else whoever is refused could push everything else out of the log.</summary>
    public void WriteLimitHit(string limit, string? email, string ip) =>
        _ = WriteOnceAsync($"limit\n{limit}\n{email}\n{ip}", s_limitPause, Entry(AuditEvent.LimitHit, email, ip, limit, null));

    /// <summary>Some entries, the newest first.</summary>
    public async Task<AuditPageOfLog> ReadAsync(int skip, int take)
    {
        var total = Database.ListLengthAsync(Log);
        var lines = Database.ListRangeAsync(Log, skip, skip + take - 1);
        return new AuditPageOfLog([.. (await lines).Select(line => JsonSerializer.Deserialize<AuditEntry>((string)line!, s_json)!)], await total);
    }

    /// <summary>Every entry as a line of JSON, the newest first.</summary>
    public async Task<IReadOnlyList<string>> ExportAsync() =>
        // In one go: between two pages new entries would move the others on. 10,000 lines are some 1.5 MB.
        [.. (await Database.ListRangeAsync(Log, 0, Capacity - 1)).Select(line => (string)line!)];

    private AuditEntry Entry(AuditEvent what, string? email, string ip, string outcome, string? by) =>
        new(time.GetUtcNow(), what, email is null ? null : MaskedAddress.Of(email), ip, outcome, by);

    private async Task WriteOnceAsync(string name, TimeSpan pause, AuditEntry entry)
    {
        try
        {
            // The pause is told by Redis' own expiry: nothing depends on it but how long the log gets.
            if (!await Database.StringSetAsync("audit:noted:" + Digest.Of(name), "1", pause, When.NotExists)) return;
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotWritten(entry.Event, e.GetType().Name);
            return;
        }
        await WriteAsync(entry);
    }

    private async Task WriteAsync(AuditEntry entry)
    {
        try
        {
            var batch = Database.CreateBatch();
            var push = batch.ListLeftPushAsync(Log, JsonSerializer.Serialize(entry, s_json));
            var trim = batch.ListTrimAsync(Log, 0, Capacity - 1);
            batch.Execute();
            await Task.WhenAll(push, trim);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotWritten(entry.Event, e.GetType().Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The audit log lacks an entry ({Event}), the store does not answer ({Error})")]
    private partial void NotWritten(AuditEvent @event, string error);
}
