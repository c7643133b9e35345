using System.Globalization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Limits;

/// <summary>The state of a quota after a request.</summary>
/// <param name="Remaining">Number of requests that are left now.</param>
/// <param name="ResetIn">Time until the current window ends; after a rejection the same as <paramref name="Wait"/>.</param>
/// <param name="Wait">Null if the request is within the quota, or the time until the next one is.</param>
public sealed record QuotaState(Limit Limit, int Remaining, TimeSpan ResetIn, TimeSpan? Wait)
{
    /// <summary>The key of the counter; null if the request is not counted.</summary>
    internal string? Counter { get; init; }
}

/// <summary>
/// Counts the requests of authenticated callers, which may be thousands per second: a <see cref="RateLimiter"/> would store a
/// member for each of them.
/// </summary>
/// <remarks>
/// <para>
/// Key layout in the OTP database: <c>quota:{name:SHA-256 of the subject}:number of the window</c>, the number of requests in that
/// window; windows are numbered from the Unix epoch. The previous window counts in proportion to its overlap with the sliding
/// window, so the edge of a window does not allow twice the quota. Counters are therefore kept for two windows and
/// <see cref="s_expiryMargin"/>.
/// </para>
/// <para>
/// The commands need no transaction: the one that creates a counter sets its expiry and is sent first, and the window number in
/// the key prevents writes to an expired counter.
/// </para>
/// </remarks>
public sealed class RequestQuota(Stores stores, TimeProvider time)
{
    // Tolerates clock differences between replicas; a window may be as short as one second.
    private static readonly TimeSpan s_expiryMargin = TimeSpan.FromSeconds(10);

    private StoreDatabase Database => stores.Otp.Database;

    /// <summary>
    /// Counts a request in one round trip. A rejected request is not counted, so retrying too early does not extend the wait.
    /// </summary>
    public async Task<QuotaState> TakeAsync(Limit limit, string subject)
    {
        var window = (long)limit.Window.TotalMilliseconds;
        var (number, elapsed) = Math.DivRem(time.GetUtcNow().ToUnixTimeMilliseconds(), window);
        var counters = $"quota:{{{limit.Name}:{Digest.Of(subject)}}}:";
        var counter = counters + number.ToString(CultureInfo.InvariantCulture);

        var current = AddAsync(limit, counter, 1);
        var previous = Database.StringGetAsync(
            counters + (number - 1).ToString(CultureInfo.InvariantCulture));
        await Task.WhenAll(current, previous);

        var now = await current;
        // Excludes rejected requests whose count was not yet reverted when the window ended.
        var before = Math.Clamp((long)await previous, 0, limit.Count);
        var left = limit.Count - now - (((before * (window - elapsed)) + window - 1) / window);
        if (left >= 0) return new QuotaState(limit, (int)left, TimeSpan.FromMilliseconds(window - elapsed), null) { Counter = counter };

        await AddAsync(limit, counter, -1);
        var wait = TimeSpan.FromMilliseconds(Wait(limit.Count, window, now, before) - elapsed);
        return new QuotaState(limit, 0, wait, wait);
    }

    /// <summary>Reverts the count of a request.</summary>
    public Task ReturnAsync(QuotaState taken) => taken.Counter is { } counter ? AddAsync(taken.Limit, counter, -1) : Task.CompletedTask;

    // Returns when the current window's now-th request fits, in ms after the window's start: when enough of the previous window
    // has slid out or, if this window is full, when enough of it has slid out in the next.
    private static long Wait(long count, long window, long now, long before) =>
        now <= count ? window - ((count - now) * window / before) : window + window - ((count - 1) * window / count);

    private async Task<long> AddAsync(Limit limit, string counter, long requests)
    {
        var creation = Database.StringSetAsync(counter, 0, limit.Window + limit.Window + s_expiryMargin, When.NotExists);
        var count = Database.StringIncrementAsync(counter, requests);
        await Task.WhenAll(creation, count);
        return await count;
    }
}
