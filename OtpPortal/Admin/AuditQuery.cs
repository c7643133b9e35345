using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Extensions;
using OtpPortal.Auditing;

namespace OtpPortal.Admin;

/// <summary>The filter of the audit log in the query of a URL.</summary>
/// <param name="Filter">The filter, without the parameters that are invalid.</param>
/// <param name="Invalid">The names of the invalid parameters.</param>
internal sealed record AuditQuery(AuditFilter Filter, IReadOnlyList<string> Invalid)
{
    private const int MaxLength = 320;
    private static readonly string[] s_timeFormats = ["yyyy-MM-dd", "yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ssK"];

    // The names in the log and in the export.
    private static readonly Dictionary<string, AuditEvent> s_events =
        Enum.GetValues<AuditEvent>().ToDictionary(NameOf, StringComparer.Ordinal);

    public static IReadOnlyDictionary<string, AuditEvent> Events => s_events;

    public static string NameOf(AuditEvent @event) => JsonNamingPolicy.SnakeCaseLower.ConvertName(@event.ToString());

    public static AuditQuery Read(IQueryCollection query)
    {
        var invalid = new List<string>();
        AuditEvent? kind = null;
        if (Text(query, "event") is { Length: > 0 } name)
        {
            if (s_events.TryGetValue(name, out var found)) kind = found;
            else invalid.Add("event");
        }
        return new AuditQuery(
            new AuditFilter(
                kind, Text(query, "user"), Text(query, "ip"), Time("from"), Time("until"), OnlyAdmin: Text(query, "by") == "admin"),
            invalid);

        DateTimeOffset? Time(string field)
        {
            if (Text(query, field) is not { Length: > 0 } text) return null;
            if (DateTimeOffset.TryParseExact(
                text, s_timeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                out var time)) return time;
            invalid.Add(field);
            return null;
        }
    }

    /// <summary>Returns the URL of a path with the filter.</summary>
    public static string UrlOf(string path, AuditFilter filter, int page = 1)
    {
        var query = new QueryBuilder();
        if (page > 1) query.Add("page", page.ToString(CultureInfo.InvariantCulture));
        if (filter.OnlyAdmin) query.Add("by", "admin");
        if (filter.Event is { } kind) query.Add("event", NameOf(kind));
        if (filter.User.Length > 0) query.Add("user", filter.User);
        if (filter.Ip.Length > 0) query.Add("ip", filter.Ip);
        if (filter.From is { } from) query.Add("from", TextOf(from));
        if (filter.Until is { } until) query.Add("until", TextOf(until));
        return path + query;
    }

    /// <summary>Returns a time as the value of a field for a date and a time, in UTC.</summary>
    public static string TextOf(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm", CultureInfo.InvariantCulture) ?? "";

    private static string Text(IQueryCollection query, string name) =>
        query[name].ToString().Trim() is { Length: <= MaxLength } text ? text : "";
}
