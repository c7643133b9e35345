using System.Globalization;
using Microsoft.AspNetCore.Components;
using OtpPortal.Auditing;
using OtpPortal.Sessions;

namespace OtpPortal.Admin;

/// <summary>The overview: what has happened in a range of time, compared with the range before.</summary>
public sealed partial class AdminDashboard(Statistics statistics, SessionList sessions)
{
    private const int LatestSessions = 6;

    private StatisticsReport? _report;
    private SessionSlice? _sessions;

    /// <summary>The administrator's session. It is encrypted in the page that starts the circuit.</summary>
    [Parameter, EditorRequired]
    public AdminSession Session { get; set; } = null!;

    [Parameter, EditorRequired]
    public StatisticsRange Range { get; set; }

    private ChartSeries[] SignIns =>
    [
        new(T["StatisticsSignedIn"], "good", slot => slot.SignedIn),
        // A sign-in that began in an earlier slot can complete in this one.
        new(T["StatisticsOpen"], "rest", slot => Math.Max(0, slot.Begun - slot.SignedIn)),
    ];

    private ChartSeries[] FailureReasons =>
    [
        new(T["StatisticsWrong"], "0", slot => slot.Wrong),
        new(T["StatisticsExpired"], "1", slot => slot.Expired),
        new(T["StatisticsLimited"], "2", slot => slot.Limited),
        new(T["StatisticsFailed"], "3", slot => slot.Failed),
        new(T["StatisticsSmsHeldBack"], "4", slot => slot.SmsHeldBack),
    ];

    private StatChange? ShareChange
    {
        get
        {
            var (now, before) = (Share(_report!.Total), Share(_report.Before));
            if (now is null || before is null) return null;
            var points = Math.Round(100 * (now.Value - before.Value));
            return new StatChange(Math.Sign(points), T["ChangePoints", Signed(points)], Percent(before));
        }
    }

    private StatChange? MedianChange
    {
        get
        {
            if ((_report!.Total.Took.Median, _report.Before.Took.Median) is not ({ } now, { } before)) return null;
            var seconds = Math.Round(now.TotalSeconds) - Math.Round(before.TotalSeconds);
            return new StatChange(Math.Sign(seconds), T["SecondsShort", Signed(seconds)], Seconds(_report.Before.Took));
        }
    }

    private async Task RefreshAsync()
    {
        var report = statistics.ReadAsync(Range);
        var latest = sessions.SliceAsync(new SessionQuery("", SessionOrder.LastSeen, Descending: true, 0, LatestSessions));
        (_report, _sessions) = (await report, await latest);
    }

    private StatChange Change(Func<StatisticsSlot, long> of)
    {
        var (now, before) = (of(_report!.Total), of(_report.Before));
        var text = before == 0
            ? Signed(now)
            : T["ChangePercent", Signed(Math.Round(100.0 * (now - before) / before))].Value;
        return new StatChange(Math.Sign(now - before), text, Number(before));
    }

    private IEnumerable<(string Name, long Count)> Funnel(StatisticsSlot total) =>
    [
        (T["StatisticsStarted"], total.Begun), (T["StatisticsSent"], total.Sent), (T["StatisticsVerified"], total.Verified),
        (T["StatisticsSignedIn"], total.SignedIn),
    ];

    private static List<(string Provider, long Accepted, long Failed)> Deliveries(StatisticsSlot total) =>
    [
        .. total.AcceptedBy.Keys.Union(total.FailedBy.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(provider =>
            (provider, total.AcceptedBy.GetValueOrDefault(provider), total.FailedBy.GetValueOrDefault(provider))),
    ];

    private static long Failures(StatisticsSlot slot) => slot.Wrong + slot.Expired;

    private static double? Share(StatisticsSlot slot) => slot.Begun == 0 ? null : Math.Min(1, (double)slot.SignedIn / slot.Begun);

    private static int Width(long part, long whole) => whole == 0 ? 0 : (int)Math.Min(100, Math.Round(100.0 * part / whole));

    private static string Number(long count) => count.ToString("N0", CultureInfo.CurrentCulture);

    private static string Signed(double number) => number.ToString("+#,0;−#,0;±0", CultureInfo.CurrentCulture);

    private string Percent(double? share) => share is { } value ? T["ChangePercent", Math.Round(100 * value)] : "–";

    private string Seconds(Durations took) => took.Median is { } median ? T["SecondsShort", Math.Round(median.TotalSeconds)] : "–";
}
