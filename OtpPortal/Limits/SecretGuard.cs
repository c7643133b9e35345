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

/// <summary>The kinds of secrets, which are counted apart: a backend with a wrong one keeps nobody else behind its address out.</summary>
public enum SecretKind
{
    /// <summary>AUTH_SECRET_KEY in a request of an API.</summary>
    OperatorKey,

    /// <summary>AUTH_SECRET_KEY on the administration's page.</summary>
    AdminPage,
    Namespace,
    ServiceAccount,
}

/// <summary>Keeps clients from guessing secrets.</summary>
public sealed class SecretGuard(RateLimiter limiter, LimitSettings limits, LimitHits hits)
{
    /// <summary>Judges the outcome of a comparison that was made in constant time.</summary>
    public async Task<SecretOutcome> JudgeAsync(SecretKind kind, bool matches, string clientKey)
    {
        var subject = $"{kind}\n{clientKey}";
        var wait = matches
            ? await limiter.PeekAsync(limits.SecretFailuresPerIp, subject)
            : await limiter.TakeAsync(limits.SecretFailuresPerIp, subject);
        if (wait is { } limited)
        {
            hits.Note(limits.SecretFailuresPerIp, subject, null, clientKey);
            return new SecretOutcome.Limited(limited);
        }
        return matches ? new SecretOutcome.Accepted() : new SecretOutcome.Refused();
    }
}
