using System.Globalization;
using OtpPortal.Http;

namespace OtpPortal.Limits;

/// <summary>
/// Tells a caller how its quota stands: <c>RateLimit</c> and <c>RateLimit-Policy</c>, as in draft-ietf-httpapi-ratelimit-headers
/// (structured fields, RFC 9651).
/// </summary>
public static class RateLimitHeaders
{
    /// <summary>Writes both; after a refusal also <c>Retry-After</c>, which names the same instant.</summary>
    /// <param name="policy">What the quota is called: letters.</param>
    public static void Write(HttpResponse response, string policy, QuotaState quota)
    {
        var (count, window) = (quota.Limit.Count, (long)quota.Limit.Window.TotalSeconds);
        response.Headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"{policy}\";q={count};w={window}");
        response.Headers["RateLimit"] =
            string.Create(CultureInfo.InvariantCulture, $"\"{policy}\";r={quota.Remaining};t={Problem.Seconds(quota.ResetIn)}");
        if (quota.Wait is { } wait) response.Headers.RetryAfter = Problem.Seconds(wait);
    }
}
