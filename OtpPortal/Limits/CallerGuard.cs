using OtpPortal.Http;

namespace OtpPortal.Limits;

/// <summary>Whether a request of a program that names itself is served.</summary>
public abstract record CallerOutcome
{
    private CallerOutcome() { }

    public sealed record Accepted : CallerOutcome;

    /// <summary>Its secret is wrong.</summary>
    public sealed record Refused : CallerOutcome;

    /// <summary>Too many wrong secrets from this client: not even a right one counts before the wait is over.</summary>
    public sealed record Limited(TimeSpan Wait) : CallerOutcome;

    /// <summary>Too many requests of this caller. When to come back is in the answer's headers already.</summary>
    public sealed record OverQuota : CallerOutcome;
}

/// <summary>
/// Keeps clients from guessing the secrets of callers (namespaces, service accounts), and callers from asking more than they may.
/// </summary>
public sealed class CallerGuard(SecretGuard guard, RequestQuota quota, LimitHits hits)
{
    /// <summary>
    /// Judges a request whose secret was looked at. One of a caller is counted, and its answer tells how the caller's quota stands.
    /// </summary>
    /// <param name="kind">Of which kind the secret is.</param>
    /// <param name="policy">What the quota is called in the headers.</param>
    /// <param name="caller">Whose secret it was; null when it was nobody's.</param>
    public async Task<CallerOutcome> JudgeAsync(HttpContext context, SecretKind kind, string policy, Limit limit, string? caller)
    {
        var judging = guard.JudgeAsync(kind, caller is not null, ClientAddress.LimitKey(context));
        // At the same time, because nearly every request is admitted, and a round trip of its own would be the dearest part of it.
        var taking = caller is null ? null : quota.TakeAsync(limit, caller);
        await Task.WhenAll(judging, taking ?? Task.CompletedTask);
        switch (await judging)
        {
            case SecretOutcome.Accepted:
                var taken = await taking!;
                RateLimitHeaders.Write(context.Response, policy, taken);
                if (taken.Wait is null) return new CallerOutcome.Accepted();
                hits.NoteCaller(limit, caller!, ClientAddress.Of(context));
                return new CallerOutcome.OverQuota();
            case SecretOutcome.Limited(var wait):
                // The answer must not differ for a right secret, so nothing is said of the quota, and nothing taken from it.
                if (taking is not null) await quota.GiveBackAsync(await taking);
                return new CallerOutcome.Limited(wait);
            default:
                return new CallerOutcome.Refused();
        }
    }
}
