using OtpPortal.Journal;

namespace OtpPortal.Limits;

/// <summary>What a presented secret is worth.</summary>
public abstract record SecretOutcome
{
    private SecretOutcome() { }

    public sealed record Accepted : SecretOutcome;

    public sealed record Refused : SecretOutcome;

    /// <summary>Too many wrong ones from this client: not even a right one counts before the wait is over.</summary>
    public sealed record Limited(TimeSpan Wait) : SecretOutcome;
}

/// <summary>Keeps clients from guessing secrets (admin key, namespace secrets).</summary>
public sealed class SecretGuard(RateLimiter limiter, LimitSettings limits, AuditLog audit)
{
    /// <summary>Judges the outcome of a comparison that was made in constant time.</summary>
    public async Task<SecretOutcome> JudgeAsync(bool matches, string clientKey)
    {
        var wait = matches
            ? await limiter.PeekAsync(limits.SecretFailuresPerIp, clientKey)
            : await limiter.TakeAsync(limits.SecretFailuresPerIp, clientKey);
        if (wait is { } limited)
        {
            audit.WriteLimitHit(limits.SecretFailuresPerIp.Name, null, clientKey);
            return new SecretOutcome.Limited(limited);
        }
        return matches ? new SecretOutcome.Accepted() : new SecretOutcome.Refused();
    }
}
