using System.Globalization;
using OtpPortal.Http;

namespace OtpPortal.Limits;

/// <summary>
/// Writes the state of a caller's quota as <c>RateLimit</c> and <c>RateLimit-Policy</c> (draft-ietf-httpapi-ratelimit-headers;
/// structured fields, RFC 9651).
/// </summary>
public static class RateLimitHeaders
{
    /// <summary>Writes both headers, and after a rejection <c>Retry-After</c> with the same time.</summary>
    /// <param name="policy">The name of the quota; letters only.</param>
    public static void Write(HttpResponse response, string policy, QuotaState quota)
    {
        var (count, window) = (quota.Limit.Count, (long)quota.Limit.Window.TotalSeconds);
        response.Headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"{policy}\";q={count};w={window}");
        response.Headers["RateLimit"] =
            string.Create(CultureInfo.InvariantCulture, $"\"{policy}\";r={quota.Remaining};t={Problem.Seconds(quota.ResetIn)}");
        if (quota.Wait is { } wait) response.Headers.RetryAfter = Problem.Seconds(wait);
    }
}
