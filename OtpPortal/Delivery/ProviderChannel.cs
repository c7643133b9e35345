using System.Collections.Concurrent;
using System.Threading.RateLimiting;

namespace OtpPortal.Delivery;

/// <summary>
/// The connections to one provider, shared fairly between groups of recipients, and its circuit breakers. A group that hangs or fails takes
/// its share of the connections and no more.
/// </summary>
internal sealed class ProviderChannel(int connections, TimeProvider time) : IDisposable
{
    // Beyond this, breakers of groups that failed long ago are dropped: clients choose the names of groups.
    private const int MaxIdleGroups = 1000;

    private readonly CircuitBreaker _breaker = new(time);

    // A server that hangs for one group is not asked for that group until it answers again. Only timeouts open these.
    private readonly ConcurrentDictionary<string, CircuitBreaker> _groups = new(StringComparer.Ordinal);

    // Messages wait for their group's share first, so that at most that share of a group waits for the connections that all groups use.
    private readonly PartitionedRateLimiter<string> _slots = PartitionedRateLimiter.CreateChained(
        PartitionedRateLimiter.Create<string, string>(
            group => RateLimitPartition.GetConcurrencyLimiter(group, _ => Terms(ShareOf(connections)))),
        PartitionedRateLimiter.Create<string, string>(_ => RateLimitPartition.GetConcurrencyLimiter("", _ => Terms(connections))));

    public ProviderHealth Health => _breaker.Health;

    /// <summary>Returns how many connections one group may take at once: a third.</summary>
    public static int ShareOf(int connections) => (connections + 2) / 3;

    /// <summary>Waits for a connection.</summary>
    public ValueTask<RateLimitLease> AcquireAsync(string group, CancellationToken stop) => _slots.AcquireAsync(group, 1, stop);

    /// <summary>Returns the last failure while the provider is not asked, altogether or for this group; otherwise null.</summary>
    public SendOutcome? Refusal(string group) => RefusalOf(_breaker) ?? RefusalOf(_groups.GetValueOrDefault(group));

    /// <summary>As <see cref="Refusal"/>, for a caller that has a connection and asks at once: its message may be the trial.</summary>
    public SendOutcome? Enter(string group) => _groups.GetValueOrDefault(group)?.Enter() ?? _breaker.Enter();

    /// <summary>Counts an outcome.</summary>
    /// <param name="hasTimedOut">The provider did not answer in time.</param>
    public void Report(string group, SendOutcome outcome, bool hasTimedOut)
    {
        _breaker.Report(outcome, hasTimedOut ? group : null);
        if (hasTimedOut)
        {
            if (_groups.Count >= MaxIdleGroups) DropIdleGroups();
            _groups.GetOrAdd(group, _ => new CircuitBreaker(time)).Report(outcome);
        }
        else _groups.TryRemove(group, out _);
    }

    public void Dispose() => _slots.Dispose();

    private static SendOutcome? RefusalOf(CircuitBreaker? breaker) =>
        breaker?.Health is { OpenUntil: not null } health ? health.LastFailure : null;

    private static ConcurrencyLimiterOptions Terms(int permits) => new() { PermitLimit = permits, QueueLimit = int.MaxValue };

    private void DropIdleGroups()
    {
        var old = time.GetUtcNow() - CircuitBreaker.Pause;
        foreach (var (group, breaker) in _groups)
        {
            if (breaker.Health.FailedAt < old) _groups.TryRemove(group, out _);
        }
    }
}
