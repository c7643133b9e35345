using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>The rules of answers: which are allowed at all, and that every replica answers after a fault has ended.</summary>
internal static class AvailabilityRules
{
    public static IEnumerable<Anomaly> Check(History history)
    {
        var calls = history.Operations.Where(operation => operation.Kind != OperationKind.Mail).ToList();
        foreach (var call in calls.Where(call => !call.IsUnknown && !IsAllowed(call)))
            yield return new Anomaly("unexpected-answer", "The contract does not have this answer.", [call]);

        var quiet = QuietTimes(history.Faults).ToList();
        var bound = history.Settings.RecoveryBound * 1000;
        foreach (var call in calls.Where(call => call.IsUnknown))
        {
            if (quiet.Exists(time => call.Start >= time.Start + bound && call.End <= time.End))
            {
                yield return new Anomaly(
                    "unavailable-without-fault", "A call fails although the last fault ended longer ago than the bound.", [call]);
            }
        }
    }

    /// <summary>Returns the longest time from the end of a fault to the first answer of a replica, in milliseconds.</summary>
    public static double LongestRecovery(History history)
    {
        var longest = 0.0;
        var answers = history.Operations.Where(call => call.Kind == OperationKind.Check && !call.IsUnknown)
            .GroupBy(call => call.Portal, StringComparer.Ordinal).Select(group => group.OrderBy(call => call.Start).ToList()).ToList();
        foreach (var quiet in QuietTimes(history.Faults).Where(time => time.Start > 0))
        {
            foreach (var portal in answers)
            {
                var first = portal.Find(call => call.Start >= quiet.Start);
                if (first is not null && first.End <= quiet.End) longest = Math.Max(longest, first.End - quiet.Start);
            }
        }
        return longest;
    }

    private static bool IsAllowed(Operation call) => call.Kind switch
    {
        OperationKind.Begin => call.Status == 202,
        OperationKind.Submit => call.Status is 200 or 401 or 410 or 429,
        OperationKind.Check => call.Status is 200 or 403,
        OperationKind.Logout => call.Status == 303,
        OperationKind.RevokeSession => call.Status is 204 or 404,
        OperationKind.RevokeUser => call.Status == 204,
        OperationKind.List => call.Status == 200,
        _ => true,
    };

    // The times without a fault.
    private static IEnumerable<(double Start, double End)> QuietTimes(IReadOnlyList<Fault> faults)
    {
        var start = 0.0;
        foreach (var fault in faults.OrderBy(fault => fault.Start))
        {
            if (fault.Start > start) yield return (start, fault.Start);
            start = Math.Max(start, fault.End);
        }
        yield return (start, double.PositiveInfinity);
    }
}
