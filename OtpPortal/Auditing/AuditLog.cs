using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Auditing;

/// <summary>The kinds of audit log entries. In JSON the names are in snake case.</summary>
public enum AuditEvent
{
    SignIn,
    SignInFailed,

    /// <summary>A sign-in was locked after too many wrong codes.</summary>
    Locked,
    SignedOut,
    Revoked,
    AdminAccess,
    AdminRefused,
    AdminLeft,
    LimitHit,
    TestMessage,

    /// <summary>A gateway request had a wrong namespace secret.</summary>
    NamespaceRefused,

    /// <summary>A service account request had an invalid key.</summary>
    AccountRefused,

    /// <summary>A service account created another one.</summary>
    AccountCreated,
    AccountRemoved,

    /// <summary>The JWT signing keys were rotated.</summary>
    KeysRotated,
}

/// <summary>An entry of the audit log.</summary>
/// <param name="Address">The masked address of the affected user.</param>
/// <param name="Ip">The IP address of the client that caused the event.</param>
/// <param name="By">The actor if it was not the user: <c>key</c>, or the masked address of an administrator.</param>
public sealed record AuditEntry(
    [property: JsonPropertyName("time")] DateTimeOffset Time,
    [property: JsonPropertyName("event")] AuditEvent Event,
    [property: JsonPropertyName("address")] string? Address,
    [property: JsonPropertyName("ip")] string Ip,
    [property: JsonPropertyName("outcome")] string Outcome,
    [property: JsonPropertyName("by")] string? By)
{
    /// <summary>Gets the id of the event in the audit stream; null in the audit log.</summary>
    [JsonPropertyName("id"), JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Id { get; init; }
}

/// <summary>A page of the log, newest entries first.</summary>
public sealed record AuditPageOfLog(IReadOnlyList<AuditEntry> Entries, long Total);

/// <summary>Records who did what and when: the last 10,000 entries of users and the last 10,000 of administrators.</summary>
/// <remarks>
/// Key layout in the token database: <c>audit</c> and <c>audit:admin</c>, lists of entries in JSON, newest first. Separate
/// lists, so that users' entries cannot displace administrators' entries. <c>audit:noted:{SHA-256}</c> suppresses repetitions
/// of an event while it exists. Writing never fails the recorded operation and never delays it. Each entry is also given to the
/// sinks: AUDIT_URL and AUDIT_FILE.
/// </remarks>
public sealed partial class AuditLog(Stores stores, IEnumerable<AuditSink> sinks, TimeProvider time, ILogger<AuditLog> logger)
{
    /// <summary>Maximum number of entries in each list.</summary>
    internal const int Capacity = 10_000;

    private const string Log = "audit";
    private const string AdminLog = "audit:admin";
    private static readonly TimeSpan s_visitInterval = TimeSpan.FromMinutes(15);

    private static readonly JsonSerializerOptions s_json = new()
    {
        Converters = { new JsonStringEnumConverter<AuditEvent>(JsonNamingPolicy.SnakeCaseLower) },
        // The JSON is for programs and never embedded in HTML, so no HTML escaping is needed.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly AuditSink[] _sinks = [.. sinks];

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Records an event caused by a user or in a user's name.</summary>
    public void Write(AuditEvent what, string? email, string ip, string outcome) =>
        _ = WriteAsync(Log, Entry(what, email, ip, outcome, null));

    /// <summary>Records an event caused by an administrator.</summary>
    public void WriteByAdmin(AuditEvent what, string? email, string ip, string outcome, string by) =>
        _ = WriteAsync(AdminLog, Entry(what, email, ip, outcome, by));

    /// <summary>Records an administrator's visit, once per visit rather than once per page.</summary>
    public void WriteVisit(string ip, string by, string visit) =>
        _ = WriteOnceAsync(AdminLog, $"visit\n{visit}", s_visitInterval, Entry(AuditEvent.AdminAccess, null, ip, "admitted", by));

    /// <summary>
    /// Records a rejection by a limit, once per limit and client within the limit's window, whatever addresses the client uses:
    /// otherwise the client could displace all other entries. Returns whether an entry was written.
    /// </summary>
    /// <param name="client">The client that the limit applies to.</param>
    public Task<bool> WriteLimitHitAsync(string limit, TimeSpan window, string client, string? email, string ip) =>
        WriteOnceAsync(Log, $"limit\n{limit}\n{client}", window, Entry(AuditEvent.LimitHit, email, ip, limit, null));

    /// <summary>Returns the entries that a filter selects, newest first.</summary>
    public async Task<AuditPageOfLog> ReadAsync(int skip, int take, AuditFilter filter)
    {
        if (filter.IsSelective)
        {
            var matches = (await ReadMatchesAsync(filter)).ToList();
            return new AuditPageOfLog([.. matches.Skip(skip).Take(take).Select(match => match.Entry)], matches.Count);
        }
        var keys = KeysOf(filter);
        var totals = Task.WhenAll(keys.Select(key => Database.ListLengthAsync(key)));
        // The two lists must be merged from the start: at most 20,000 entries for the last page, about 3 MB.
        var entries = await ReadAsync(keys, skip + take);
        return new AuditPageOfLog([.. entries.Skip(skip).Take(take).Select(line => line.Entry)], (await totals).Sum());
    }

    /// <summary>Returns the entries that a filter selects as lines of JSON, newest first.</summary>
    public async Task<IReadOnlyList<string>> ExportAsync(AuditFilter filter) =>
        [.. (await ReadMatchesAsync(filter)).Select(match => match.Line)];

    private async Task<IEnumerable<(AuditEntry Entry, string Line)>> ReadMatchesAsync(AuditFilter filter) =>
        (await ReadAsync(KeysOf(filter), Capacity)).Where(line => filter.Matches(line.Entry));

    private static string[] KeysOf(AuditFilter filter) => filter.OnlyAdmin ? [AdminLog] : [Log, AdminLog];

    private AuditEntry Entry(AuditEvent what, string? email, string ip, string outcome, string? by) =>
        new(time.GetUtcNow(), what, email is null ? null : MaskedAddress.Of(email), ip, outcome, by);

    // Reads everything at once, because new entries between two reads would shift the others.
    private async Task<List<(AuditEntry Entry, string Line)>> ReadAsync(string[] keys, int count)
    {
        var lists = await Task.WhenAll(keys.Select(key => Database.ListRangeAsync(key, 0, count - 1)));
        return [.. lists.SelectMany(list => list)
            .Select(line => (Entry: JsonSerializer.Deserialize<AuditEntry>((string)line!, s_json)!, Line: (string)line!))
            .OrderByDescending(line => line.Entry.Time)];
    }

    private async Task<bool> WriteOnceAsync(string log, string name, TimeSpan pause, AuditEntry entry)
    {
        try
        {
            // The pause uses Redis's key expiry, because only the length of the log depends on it.
            if (!await Database.StringSetAsync("audit:noted:" + Digest.Of(name), "1", pause, When.NotExists)) return false;
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotWritten(entry.Event, e.GetType().Name);
            return false;
        }
        await WriteAsync(log, entry);
        return true;
    }

    private async Task WriteAsync(string log, AuditEntry entry)
    {
        if (_sinks.Length > 0)
        {
            var line = JsonSerializer.Serialize(entry with { Id = RandomText.New(22) }, s_json);
            foreach (var sink in _sinks) sink.Add(line);
        }
        try
        {
            await Database.TransactAsync(transaction =>
            {
                _ = transaction.ListLeftPushAsync(log, JsonSerializer.Serialize(entry, s_json));
                _ = transaction.ListTrimAsync(log, 0, Capacity - 1);
            });
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotWritten(entry.Event, e.GetType().Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not write an audit entry ({Event}): the store is unavailable ({Error})")]
    private partial void NotWritten(AuditEvent @event, string error);
}
