using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>Something that the portal must not do.</summary>
/// <param name="Rule">The name of the broken rule, as in <c>docs/reliability.md</c>.</param>
/// <param name="Explanation">What happened, in one sentence.</param>
/// <param name="Operations">The operations that prove it, in the order of the explanation.</param>
/// <param name="Write">The acknowledged write that appears to be lost; null if no loss of a write explains it.</param>
public sealed record Anomaly(string Rule, string Explanation, IReadOnlyList<Operation> Operations, Operation? Write = null);

/// <summary>What a history proves.</summary>
/// <param name="Anomalies">Broken rules.</param>
/// <param name="PermittedLosses">
/// Broken rules that the failover of an asynchronous replica explains. Always empty for stores without replicas.
/// </param>
/// <param name="ExpiredTokens">
/// Refused tokens whose successor may have been issued more than AUTH_TOKEN_GRACE earlier, while its client did not learn it.
/// </param>
/// <param name="LongestRecovery">
/// The longest time from the end of a fault until a replica answered again, in milliseconds.
/// </param>
public sealed record Report(
    IReadOnlyList<Anomaly> Anomalies, IReadOnlyList<Anomaly> PermittedLosses, int ExpiredTokens, double LongestRecovery);
