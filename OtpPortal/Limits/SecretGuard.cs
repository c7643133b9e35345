namespace OtpPortal.Limits;

/// <summary>The outcome of presenting a secret.</summary>
public abstract record SecretOutcome
{
    private SecretOutcome() { }

    public sealed record Accepted : SecretOutcome;

    public sealed record Refused : SecretOutcome;

    /// <summary>Too many wrong secrets from this client: even a correct one is rejected until the wait has passed.</summary>
    public sealed record Limited(TimeSpan Wait) : SecretOutcome;
}

/// <summary>
/// The kinds of secrets. They are counted separately, so a backend with a wrong secret does not lock out others behind its
/// address.
/// </summary>
public enum SecretKind
{
    /// <summary>AUTH_SECRET_KEY in an API request.</summary>
    OperatorKey,

    /// <summary>AUTH_SECRET_KEY on the admin page.</summary>
    AdminPage,
    Namespace,
    ServiceAccount,
}

/// <summary>Protects secrets against guessing.</summary>
public sealed class SecretGuard(RateLimiter limiter, LimitSettings limits, LimitHits hits)
{
    /// <summary>Decides on the result of a constant-time comparison.</summary>
    public async Task<SecretOutcome> CheckAsync(SecretKind kind, bool matches, string clientKey)
    {
        var subject = $"{kind}\n{clientKey}";
        var wait = matches
            ? await limiter.PeekAsync(limits.SecretFailuresPerIp, subject)
            : await limiter.TakeAsync(limits.SecretFailuresPerIp, subject);
        if (wait is { } limited)
        {
            hits.Record(limits.SecretFailuresPerIp, subject, null, clientKey);
            return new SecretOutcome.Limited(limited);
        }
        return matches ? new SecretOutcome.Accepted() : new SecretOutcome.Refused();
    }
}
