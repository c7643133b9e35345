using System.Collections.Concurrent;
using System.Threading.RateLimiting;

namespace OtpPortal.Delivery;

/// <summary>
/// The connections to a provider, shared fairly between groups of recipients, and its circuit breakers. A group that hangs or
/// fails uses at most its share of the connections.
/// </summary>
internal sealed class ProviderChannel(int connections, TimeProvider time) : IDisposable
{
    // Beyond this number, circuit breakers of groups that failed long ago are dropped, because clients choose the names of
    // groups.
    private const int MaxIdleGroups = 1000;

    private readonly CircuitBreaker _breaker = new(time);

    // A server that hangs for one group is not called for it until it responds again. Only timeouts open these circuit
    // breakers.
    private readonly ConcurrentDictionary<string, CircuitBreaker> _groups = new(StringComparer.Ordinal);

    // Messages first wait for their group's share, so that a group waits for the shared connections with at most that many.
    private readonly PartitionedRateLimiter<string> _slots = PartitionedRateLimiter.CreateChained(
        PartitionedRateLimiter.Create<string, string>(
            group => RateLimitPartition.GetConcurrencyLimiter(group, _ => Terms(ShareOf(connections)))),
        PartitionedRateLimiter.Create<string, string>(_ => RateLimitPartition.GetConcurrencyLimiter("", _ => Terms(connections))));

    public ProviderHealth Health => _breaker.Health;

    /// <summary>Returns the maximum number of connections of one group: one third.</summary>
    public static int ShareOf(int connections) => (connections + 2) / 3;

    /// <summary>Waits for a connection.</summary>
    public ValueTask<RateLimitLease> AcquireAsync(string group, CancellationToken stop) => _slots.AcquireAsync(group, 1, stop);

    /// <summary>
    /// Returns the last failure while a circuit breaker of the provider or the group is open; otherwise null.
    /// </summary>
    public SendOutcome? Refusal(string group) => RefusalOf(_breaker) ?? RefusalOf(_groups.GetValueOrDefault(group));

    /// <summary>
    /// Checks like <see cref="Refusal"/>, for a caller that has a connection and sends at once: its message may be the trial.
    /// </summary>
    public SendOutcome? Enter(string group) => _groups.GetValueOrDefault(group)?.Enter() ?? _breaker.Enter();

    /// <summary>Records an outcome.</summary>
    /// <param name="hasTimedOut">Whether the provider timed out.</param>
    public void Report(string group, SendOutcome outcome, bool hasTimedOut)
    {
        _breaker.Report(outcome, hasTimedOut ? group : null);
        if (hasTimedOut)
        {
            if (_groups.Count >= MaxIdleGroups) RemoveIdleGroups();
            _groups.GetOrAdd(group, _ => new CircuitBreaker(time)).Report(outcome);
        }
        else _groups.TryRemove(group, out _);
    }

    public void Dispose() => _slots.Dispose();

    private static SendOutcome? RefusalOf(CircuitBreaker? breaker) =>
        breaker?.Health is { OpenUntil: not null } health ? health.LastFailure : null;

    private static ConcurrencyLimiterOptions Terms(int permits) => new() { PermitLimit = permits, QueueLimit = int.MaxValue };

    private void RemoveIdleGroups()
    {
        var old = time.GetUtcNow() - CircuitBreaker.Pause;
        foreach (var (group, breaker) in _groups)
        {
            if (breaker.Health.FailedAt < old) _groups.TryRemove(group, out _);
        }
    }
}
