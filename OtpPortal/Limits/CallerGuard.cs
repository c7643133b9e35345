using OtpPortal.Http;

namespace OtpPortal.Limits;

/// <summary>The outcome of authenticating a caller's request.</summary>
public abstract record CallerOutcome
{
    private CallerOutcome() { }

    public sealed record Accepted : CallerOutcome;

    /// <summary>The secret is wrong.</summary>
    public sealed record Refused : CallerOutcome;

    /// <summary>Too many wrong secrets from this client: even a correct one is rejected until the wait has passed.</summary>
    public sealed record Limited(TimeSpan Wait) : CallerOutcome;

    /// <summary>The caller has exceeded its quota. The response headers already contain the time to retry.</summary>
    public sealed record OverQuota : CallerOutcome;
}

/// <summary>
/// Protects the secrets of callers (namespaces, service accounts) against guessing, and enforces the callers' quotas.
/// </summary>
public sealed class CallerGuard(SecretGuard guard, RequestQuota quota, LimitHits hits)
{
    /// <summary>
    /// Decides on a request whose secret has been compared. Counts it against the caller's quota, and writes the quota to the
    /// response headers.
    /// </summary>
    /// <param name="kind">The kind of the secret.</param>
    /// <param name="policy">The name of the quota in the headers.</param>
    /// <param name="caller">The owner of the secret; null if it matches no caller.</param>
    public async Task<CallerOutcome> CheckAsync(HttpContext context, SecretKind kind, string policy, Limit limit, string? caller)
    {
        var judging = guard.CheckAsync(kind, caller is not null, ClientAddress.LimitKey(context));
        // In parallel: nearly every request is accepted, so a separate round trip for the quota would dominate the cost.
        var taking = caller is null ? null : quota.TakeAsync(limit, caller);
        await Task.WhenAll(judging, taking ?? Task.CompletedTask);
        switch (await judging)
        {
            case SecretOutcome.Accepted:
                var taken = await taking!;
                RateLimitHeaders.Write(context.Response, policy, taken);
                if (taken.Wait is null) return new CallerOutcome.Accepted();
                hits.RecordCaller(limit, caller!, ClientAddress.Of(context));
                return new CallerOutcome.OverQuota();
            case SecretOutcome.Limited(var wait):
                // The response must not reveal that the secret is correct, so the quota is neither charged nor reported.
                if (taking is not null) await quota.ReturnAsync(await taking);
                return new CallerOutcome.Limited(wait);
            default:
                return new CallerOutcome.Refused();
        }
    }
}
