namespace OtpPortal.Delivery;

/// <summary>The state of a provider as this process has observed it.</summary>
/// <param name="LastFailure">The last response, if it was a failure.</param>
/// <param name="FailedAt">The time of that response.</param>
/// <param name="OpenUntil">When the provider is tried again; null while the circuit breaker is closed.</param>
public sealed record ProviderHealth(SendOutcome? LastFailure, DateTimeOffset FailedAt, DateTimeOffset? OpenUntil);

/// <summary>
/// Stops calling a provider that keeps failing, so that messages do not wait for its timeouts. Opens after several consecutive
/// failures; after a pause one message is tried. Failures of a single recipient do not count.
/// </summary>
/// <remarks>Decision 0008 explains why Polly's circuit breaker is not used.</remarks>
internal sealed class CircuitBreaker(TimeProvider time)
{
    /// <summary>The number of consecutive failures that opens the circuit breaker.</summary>
    internal const int Threshold = 5;

    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();

    // The groups of recipients whose messages have timed out since the last response.
    private readonly HashSet<string> _unanswered = new(StringComparer.Ordinal);
    private int _failures;
    private SendOutcome? _lastFailure;
    private DateTimeOffset _failedAt;
    private DateTimeOffset? _openUntil;

    public ProviderHealth Health
    {
        get
        {
            lock (_lock) return new ProviderHealth(_lastFailure, _failedAt, _openUntil > time.GetUtcNow() ? _openUntil : null);
        }
    }

    /// <summary>Returns null if the provider may be called, or its last failure.</summary>
    public SendOutcome? Enter()
    {
        lock (_lock)
        {
            if (_openUntil is null) return null;
            var now = time.GetUtcNow();
            if (now < _openUntil) return _lastFailure;
            // Half-open: one message is tried. Others are rejected until it has an outcome or the pause has passed again.
            _openUntil = now + Pause;
            return null;
        }
    }

    /// <summary>Records an outcome.</summary>
    /// <param name="unansweredFor">
    /// The group of recipients whose message timed out; null if there was a response. A server may hang for a single domain, so
    /// a group's timeouts count once until the server responds again.
    /// </param>
    public void Report(SendOutcome outcome, string? unansweredFor = null)
    {
        lock (_lock)
        {
            if (outcome is SendOutcome.Accepted || outcome.IsAboutRecipient)
            {
                // A provider that rejects one message works.
                (_failures, _openUntil) = (0, null);
                _unanswered.Clear();
                if (outcome is SendOutcome.Accepted) _lastFailure = null;
                else (_lastFailure, _failedAt) = (outcome, time.GetUtcNow());
                return;
            }
            (_lastFailure, _failedAt) = (outcome, time.GetUtcNow());
            if (unansweredFor is not null && !_unanswered.Add(unansweredFor)) return;
            if (++_failures >= Threshold) _openUntil = _failedAt + Pause;
        }
    }
}
