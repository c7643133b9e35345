using System.Globalization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Limits;

/// <summary>How a quota stands after a request.</summary>
/// <param name="Remaining">Requests that are left at this moment.</param>
/// <param name="ResetIn">Until the running window is over; after a refusal the same as <paramref name="Wait"/>.</param>
/// <param name="Wait">Null when the request is within the quota; else how long to wait for the next one that is.</param>
public sealed record QuotaState(Limit Limit, int Remaining, TimeSpan ResetIn, TimeSpan? Wait)
{
    /// <summary>Where the request is counted; null when it is not.</summary>
    internal string? Counter { get; init; }
}

/// <summary>
/// Counts the requests of callers that are known by name, thousands a second: a <see cref="RateLimiter"/> would keep a member for each of
/// them.
/// </summary>
/// <remarks>
/// <para>
/// Key layout in the OTP database: <c>quota:{name}:{SHA-256 of the subject}:{number of the window}</c>, a counter of the requests in that
/// window; windows are counted from 1970. It is kept for two windows and <see cref="s_spare"/>, because it counts in the next window too:
/// as many of its requests as are not yet one window old, if they came evenly. So no edge of a window lets twice the number through at
/// once.
/// </para>
/// <para>
/// The number in the key and the order of the commands see to it that no counter is left without an expiry: the one that makes it comes
/// first and brings the expiry along, and nobody comes back to a window whose counter has expired.
/// </para>
/// </remarks>
public sealed class RequestQuota(Stores stores, TimeProvider time)
{
    // The clocks of replicas differ a little, and a window may be as short as a second.
    private static readonly TimeSpan s_spare = TimeSpan.FromSeconds(10);

    private IDatabase Database => stores.Otp.Database;

    /// <summary>
    /// Counts a request, in one round trip. One that is refused is taken back: who asks on while it has to wait does not have to wait
    /// longer.
    /// </summary>
    public async Task<QuotaState> TakeAsync(Limit limit, string subject)
    {
        var window = (long)limit.Window.TotalMilliseconds;
        var (number, elapsed) = Math.DivRem(time.GetUtcNow().ToUnixTimeMilliseconds(), window);
        var counters = $"quota:{limit.Name}:{Digest.Of(subject)}:";
        var counter = counters + number.ToString(CultureInfo.InvariantCulture);

        var batch = Database.CreateBatch();
        var current = AddAsync(batch, limit, counter, 1);
        var previous = batch.StringGetAsync(counters + (number - 1).ToString(CultureInfo.InvariantCulture));
        batch.Execute();
        await Task.WhenAll(current, previous);

        var now = await current;
        // Refused ones that were not yet taken back when the window ended were none of it.
        var before = Math.Clamp((long)await previous, 0, limit.Count);
        var left = limit.Count - now - (((before * (window - elapsed)) + window - 1) / window);
        if (left >= 0) return new QuotaState(limit, (int)left, TimeSpan.FromMilliseconds(window - elapsed), null) { Counter = counter };

        await AddAsync(limit, counter, -1);
        var wait = TimeSpan.FromMilliseconds(Wait(limit.Count, window, now, before) - elapsed);
        return new QuotaState(limit, 0, wait, wait);
    }

    /// <summary>Takes a request back that turned out not to count.</summary>
    public Task GiveBackAsync(QuotaState taken) => taken.Counter is { } counter ? AddAsync(taken.Limit, counter, -1) : Task.CompletedTask;

    // When there is room for the request that is the current window's now-th, in ms after that window's start: as soon as enough of the one
    // before has faded, or, when this one is full, enough of this one in the next.
    private static long Wait(long count, long window, long now, long before) =>
        now <= count ? window - ((count - now) * window / before) : window + window - ((count - 1) * window / count);

    private async Task AddAsync(Limit limit, string counter, long requests)
    {
        var batch = Database.CreateBatch();
        var sum = AddAsync(batch, limit, counter, requests);
        batch.Execute();
        await sum;
    }

    private static async Task<long> AddAsync(IBatch batch, Limit limit, string counter, long requests)
    {
        var made = batch.StringSetAsync(counter, 0, limit.Window + limit.Window + s_spare, When.NotExists);
        var sum = batch.StringIncrementAsync(counter, requests);
        await Task.WhenAll(made, sum);
        return await sum;
    }
}
