using System.Collections.Concurrent;
using System.Threading.RateLimiting;

namespace OtpPortal.Delivery;

/// <summary>
/// What stands between the portal and one provider: its connections, shared fairly between groups of recipients, and its circuit breakers.
/// A group that hangs or fails takes a share of the connections and nothing else from the others.
/// </summary>
internal sealed class ProviderLine(int connections, TimeProvider time) : IDisposable
{
    // Beyond this, breakers of groups that failed long ago are dropped: the names of groups come from visitors.
    private const int MaxIdleGroups = 1000;

    private readonly Circuit _circuit = new(time);

    // A server that hangs for one group is not asked for that group until it answers again. Only timeouts open these.
    private readonly ConcurrentDictionary<string, Circuit> _groups = new(StringComparer.Ordinal);

    // The group first, so that the many who wait in one group wait there, and at most a share of them for the connections of all.
    private readonly PartitionedRateLimiter<string> _slots = PartitionedRateLimiter.CreateChained(
        PartitionedRateLimiter.Create<string, string>(
            group => RateLimitPartition.GetConcurrencyLimiter(group, _ => Terms(ShareOf(connections)))),
        PartitionedRateLimiter.Create<string, string>(_ => RateLimitPartition.GetConcurrencyLimiter("", _ => Terms(connections))));

    public ProviderHealth Health => _circuit.Health;

    /// <summary>Gets the connections that one group may take at once: a third.</summary>
    public static int ShareOf(int connections) => (connections + 2) / 3;

    /// <summary>Waits for a connection.</summary>
    public ValueTask<RateLimitLease> AcquireAsync(string group, CancellationToken stop) => _slots.AcquireAsync(group, 1, stop);

    /// <summary>Returns the last failure while the provider is left alone, altogether or for this group; else null.</summary>
    public SendOutcome? Refusal(string group) => RefusalOf(_circuit) ?? RefusalOf(_groups.GetValueOrDefault(group));

    /// <summary>As <see cref="Refusal"/>, for a caller that has a connection and asks at once: it may try for all.</summary>
    public SendOutcome? Enter(string group) => _groups.GetValueOrDefault(group)?.Enter() ?? _circuit.Enter();

    /// <param name="hasTimedOut">The outcome is no answer of the provider, but that there was none in time.</param>
    public void Report(string group, SendOutcome outcome, bool hasTimedOut)
    {
        _circuit.Report(outcome, hasTimedOut ? group : null);
        if (hasTimedOut)
        {
            if (_groups.Count >= MaxIdleGroups) DropIdleGroups();
            _groups.GetOrAdd(group, _ => new Circuit(time)).Report(outcome);
        }
        else _groups.TryRemove(group, out _);
    }

    public void Dispose() => _slots.Dispose();

    private static SendOutcome? RefusalOf(Circuit? circuit) =>
        circuit?.Health is { OpenUntil: not null } health ? health.LastFailure : null;

    private static ConcurrencyLimiterOptions Terms(int permits) => new() { PermitLimit = permits, QueueLimit = int.MaxValue };

    private void DropIdleGroups()
    {
        var old = time.GetUtcNow() - Circuit.Pause;
        foreach (var (group, circuit) in _groups)
        {
            if (circuit.Health.FailedAt < old) _groups.TryRemove(group, out _);
        }
    }
}
