using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>Finds what a history proves. A pure function: the same history gives the same report.</summary>
public static class Checker
{
    // A failover can lose what the primary acknowledged shortly before it failed, and what it acknowledges until it learns that
    // another node has replaced it.
    private const double LostBefore = 2_000;
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
        && history.Faults.Any(fault => fault.OfStore && write.End > fault.Start - LostBefore && write.End < fault.End + LostAfter);
}
