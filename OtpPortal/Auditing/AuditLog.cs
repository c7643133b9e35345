using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Auditing;

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

/// <summary>Who did what when: the last 10,000 entries of visitors and users, and the last 10,000 of administrators.</summary>
/// <remarks>
/// Key layout in the token database: <c>audit</c> and <c>audit:admin</c>, lists of entries in JSON, the newest first. Two lists, so that no
/// number of visitors pushes out what an administrator did. <c>audit:noted:{SHA-256}</c> is there while an event that repeats itself is not
/// written again. Writing never fails and never holds up what it tells of.
/// </remarks>
public sealed partial class AuditLog(Stores stores, TimeProvider time, ILogger<AuditLog> logger)
{
    /// <summary>Entries that each list keeps.</summary>
    internal const int Capacity = 10_000;

    private const string Log = "audit";
    private const string AdminLog = "audit:admin";
    private static readonly TimeSpan s_visitPause = TimeSpan.FromMinutes(15);

    private static readonly JsonSerializerOptions s_json = new()
    {
        Converters = { new JsonStringEnumConverter<AuditEvent>(JsonNamingPolicy.SnakeCaseLower) },
        // One line of JSON for programs, never part of a page: there is nothing to escape for HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Something that a user, or somebody in a user's name, did.</summary>
    public void Write(AuditEvent what, string? email, string ip, string outcome) =>
        _ = WriteAsync(Log, Entry(what, email, ip, outcome, null));

    /// <summary>Something that an administrator did.</summary>
    public void WriteByAdmin(AuditEvent what, string? email, string ip, string outcome, string by) =>
        _ = WriteAsync(AdminLog, Entry(what, email, ip, outcome, by));

    /// <summary>An administrator looked in: told once a visit, not for every page.</summary>
    public void WriteVisit(string ip, string by, string visit) =>
        _ = WriteOnceAsync(AdminLog, $"visit\n{visit}", s_visitPause, Entry(AuditEvent.AdminAccess, null, ip, "admitted", by));

    /// <summary>
    /// A limit refused something. Written once for each limit and client within the limit's window, whatever addresses the client
    /// names: otherwise it could push everything else out of the log. True when it was written.
    /// </summary>
    /// <param name="client">Whom the limit holds back.</param>
    public Task<bool> WriteLimitHitAsync(string limit, TimeSpan window, string client, string? email, string ip) =>
        WriteOnceAsync(Log, $"limit\n{limit}\n{client}", window, Entry(AuditEvent.LimitHit, email, ip, limit, null));

    /// <summary>Returns some entries of both lists, or of the administrators' alone, the newest first.</summary>
    public async Task<AuditPageOfLog> ReadAsync(int skip, int take, bool onlyAdmin = false)
    {
        var keys = onlyAdmin ? [AdminLog] : new[] { Log, AdminLog };
        var totals = Task.WhenAll(keys.Select(key => Database.ListLengthAsync(key)));
        // Which of two lists has the next entry is known only after reading: at most 20,000 for the last page, some 3 MB.
        var (entries, _) = await ReadAsync(keys, skip + take);
        return new AuditPageOfLog([.. entries.Skip(skip).Take(take)], (await totals).Sum());
    }

    /// <summary>Returns every entry of both lists as a line of JSON, the newest first.</summary>
    public async Task<IReadOnlyList<string>> ExportAsync() => (await ReadAsync([Log, AdminLog], Capacity)).Lines;

    private AuditEntry Entry(AuditEvent what, string? email, string ip, string outcome, string? by) =>
        new(time.GetUtcNow(), what, email is null ? null : MaskedAddress.Of(email), ip, outcome, by);

    // In one go: between two pages new entries would move the others on.
    private async Task<(IReadOnlyList<AuditEntry> Entries, IReadOnlyList<string> Lines)> ReadAsync(string[] keys, int count)
    {
        var lists = await Task.WhenAll(keys.Select(key => Database.ListRangeAsync(key, 0, count - 1)));
        var sorted = lists.SelectMany(list => list)
            .Select(line => (Entry: JsonSerializer.Deserialize<AuditEntry>((string)line!, s_json)!, Line: (string)line!))
            .OrderByDescending(entry => entry.Entry.Time)
            .ToList();
        return ([.. sorted.Select(entry => entry.Entry)], [.. sorted.Select(entry => entry.Line)]);
    }

    private async Task<bool> WriteOnceAsync(string log, string name, TimeSpan pause, AuditEntry entry)
    {
        try
        {
            // The pause is told by Redis' own expiry: nothing depends on it but how long the log gets.
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
        try
        {
            var batch = Database.CreateBatch();
            var push = batch.ListLeftPushAsync(log, JsonSerializer.Serialize(entry, s_json));
            var trim = batch.ListTrimAsync(log, 0, Capacity - 1);
            batch.Execute();
            await Task.WhenAll(push, trim);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotWritten(entry.Event, e.GetType().Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not write an audit entry ({Event}): the store is unavailable ({Error})")]
    private partial void NotWritten(AuditEvent @event, string error);
}
