namespace OtpPortal.Delivery;

/// <summary>How a provider did lately, as this process saw it.</summary>
/// <param name="LastFailure">What it said last when it did not take a message; null when it took the last one, or none was sent yet.</param>
/// <param name="FailedAt">When that was.</param>
/// <param name="OpenUntil">While it is not asked at all; null when it is.</param>
public sealed record ProviderHealth(SendOutcome? LastFailure, DateTimeOffset FailedAt, DateTimeOffset? OpenUntil);

/// <summary>
/// Stops asking a provider that fails and fails, so that nobody waits for its timeouts: after some failures in a row it is left alone for a
/// while, then one message tries for all. Answers about one recipient are no failures.
/// </summary>
internal sealed class Circuit(TimeProvider time)
{
    /// <summary>Failures in a row that open it.</summary>
    internal const int Threshold = 5;

    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();

    // Whose messages timed out since the last answer.
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

    /// <summary>Null when the provider may be asked; else what it said last.</summary>
    public SendOutcome? Enter()
    {
        lock (_lock)
        {
            if (_openUntil is null) return null;
            var now = time.GetUtcNow();
            if (now < _openUntil) return _lastFailure;
            // One trial: everybody else is turned away until it is over, or has had its time.
            _openUntil = now + Pause;
            return null;
        }
    }

    /// <param name="unansweredFor">
    /// The group of recipients whose message timed out; null for an answer. A server may hang for the recipients of one domain
    /// only, so their timeouts count once until it answers again.
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
