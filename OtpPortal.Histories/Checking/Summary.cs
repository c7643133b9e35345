using System.Globalization;
using System.Text;
using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>Describes a history and its report in text.</summary>
public static class Summary
{
    private const int ShownPerRule = 3;

    public static string Write(History history, Report report)
    {
        var text = new StringBuilder();
        var settings = history.Settings;
        Line(text, $"kind {settings.Kind}, {settings.Duration} s, seed {settings.Seed}");
        var calls = history.Operations.Where(operation => operation.Kind != OperationKind.Mail).ToList();
        Line(text, $"operations: {calls.Count} ({Counts(calls.GroupBy(call => call.Kind.ToString(), StringComparer.Ordinal))})");
        foreach (var kind in calls.GroupBy(call => call.Kind).OrderBy(kind => kind.Key))
            Line(text, $"  {kind.Key}: {Counts(kind.GroupBy(Answer, StringComparer.Ordinal))}");
        Line(text, $"faults: {history.Faults.Count} ({Counts(history.Faults.GroupBy(fault => $"{fault.Name} {fault.Target}",
            StringComparer.Ordinal))})");
        Line(text, $"longest recovery after a fault: {report.LongestRecovery / 1000:0.0} s");
        Line(text, $"tokens that expired because their client got no answer within the grace period: {report.ExpiredTokens}");
        Describe(text, "losses that asynchronous replication permits", report.PermittedLosses);
        Describe(text, "anomalies", report.Anomalies);
        return text.ToString();
    }

    private static string Answer(Operation call) => call.Status?.ToString(CultureInfo.InvariantCulture) ?? "no answer";

    private static string Counts<T>(IEnumerable<IGrouping<string, T>> groups) => string.Join(", ",
        groups.OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => $"{group.Key} {group.Count()}"));

    private static void Describe(StringBuilder text, string title, IReadOnlyList<Anomaly> anomalies)
    {
        Line(text, $"{title}: {anomalies.Count}");
        foreach (var rule in anomalies.GroupBy(anomaly => anomaly.Rule, StringComparer.Ordinal))
        {
            Line(text, $"  {rule.Key}: {rule.Count()}");
            foreach (var anomaly in rule.Take(ShownPerRule))
            {
                Line(text, $"    {anomaly.Explanation}");
                foreach (var operation in anomaly.Operations) Line(text, $"      {HistoryFile.Describe(operation)}");
            }
        }
    }

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
