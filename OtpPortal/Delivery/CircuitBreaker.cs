namespace OtpPortal.Delivery;

/// <summary>The state of a provider, as this process has seen it.</summary>
/// <param name="LastFailure">The last answer, if the provider did not take that message.</param>
/// <param name="FailedAt">The time of that answer.</param>
/// <param name="OpenUntil">The time until which the provider is not asked; null while it is asked.</param>
public sealed record ProviderHealth(SendOutcome? LastFailure, DateTimeOffset FailedAt, DateTimeOffset? OpenUntil);

/// <summary>
/// Stops asking a provider that keeps failing, so that messages do not wait for its timeouts. After some failures in a row it opens;
/// after a pause one message is tried. Answers about one recipient are not failures.
/// </summary>
/// <remarks>Decision 0008 says why this is not Polly's circuit breaker.</remarks>
internal sealed class CircuitBreaker(TimeProvider time)
{
    /// <summary>The number of failures in a row that opens it.</summary>
    internal const int Threshold = 5;

    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();

    // The groups of recipients whose messages have timed out since the last answer.
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

    /// <summary>Returns null when the provider may be asked, or else its last failure.</summary>
    public SendOutcome? Enter()
    {
        lock (_lock)
        {
            if (_openUntil is null) return null;
            var now = time.GetUtcNow();
            if (now < _openUntil) return _lastFailure;
            // One trial. Other messages are rejected until it has an outcome, or the pause has passed once more.
            _openUntil = now + Pause;
            return null;
        }
    }

    /// <summary>Counts an outcome.</summary>
    /// <param name="unansweredFor">
    /// The group of recipients whose message timed out; null for an answer. A server may hang for one domain alone, so a group's timeouts
    /// count once until the server answers again.
    /// </param>
    public void Report(SendOutcome outcome, string? unansweredFor = null)
    {
        lock (_lock)
        {
            if (outcome is SendOutcome.Accepted || outcome.IsAboutRecipient)
            {
                // A provider that refuses one message works.
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
