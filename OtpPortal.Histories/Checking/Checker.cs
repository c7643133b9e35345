using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>Finds what a history proves. A pure function: the same history gives the same report.</summary>
public static class Checker
{
    // A failover can lose what the old primary acknowledged shortly before it failed, some seconds before another node replaces
    // it, and what it acknowledges until it learns that it is a replica.
    private const double LostBefore = 8_000;
    private const double LostAfter = 15_000;

    public static Report Check(History history)
    {
        var model = new SessionModel(history);
        var found = SessionRules.Check(model).Concat(RotationRules.Check(model)).Concat(CodeRules.Check(history))
            .Concat(AvailabilityRules.Check(history)).OrderBy(anomaly => anomaly.Operations[^1].End)
            .ToLookup(anomaly => IsPermitted(anomaly, history));
        return new Report(
            [.. found[false]], [.. found[true]], SessionRules.CountExpiredTokens(model), AvailabilityRules.LongestRecovery(history));
    }

    private static bool IsPermitted(Anomaly anomaly, History history) =>
        history.Settings.LosesWritesOnFailover && anomaly.Write is { } write
        && history.Faults.Any(fault =>
            fault.Name == Fault.Failover && write.End > fault.Start - LostBefore && write.End < fault.End + LostAfter);
}
