using System.Security.Cryptography;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Limits;

/// <summary>Counts events over sliding windows in the OTP database.</summary>
/// <remarks>
/// Key layout: <c>limit:{name}:{SHA-256 of the subject}</c>, a sorted set with one member per event, scored by its time in Unix
/// milliseconds. A log rather than a counter: fixed windows would allow twice the limit around their edges, and the oldest
/// entry gives the time to retry.
/// </remarks>
public sealed class RateLimiter(Stores stores, TimeProvider time)
{
    private StoreDatabase Database => stores.Otp.Database;

    /// <summary>
    /// Counts an event. Returns null if it is within the limit. Otherwise returns the time to wait, and does not count it.
    /// </summary>
    public async Task<TimeSpan?> TakeAsync(Limit limit, string subject)
    {
        var key = KeyOf(limit, subject);
        var now = time.GetUtcNow();
        RedisValue member = RandomNumberGenerator.GetHexString(16);
        Task<long> count = null!;
        Task<SortedSetEntry[]> oldest = null!;
        // In one transaction: while the key moves to another node, single commands could run in another order.
        await Database.TransactAsync(transaction =>
        {
            _ = transaction.SortedSetRemoveRangeByScoreAsync(key, double.NegativeInfinity, Start(limit, now));
            _ = transaction.SortedSetAddAsync(key, member, now.ToUnixTimeMilliseconds());
            count = transaction.SortedSetLengthAsync(key);
            _ = transaction.KeyExpireAsync(key, limit.Window);
            oldest = transaction.SortedSetRangeByRankWithScoresAsync(key, 0, 0);
        });
        if (await count <= limit.Count) return null;

        await Database.SortedSetRemoveAsync(key, member);
        return Wait(limit, await oldest, now);
    }

    /// <summary>Returns null if another event would be within the limit, or the time to wait. Counts nothing.</summary>
    public async Task<TimeSpan?> PeekAsync(Limit limit, string subject)
    {
        var key = KeyOf(limit, subject);
        var now = time.GetUtcNow();
        if (await Database.SortedSetLengthAboveAsync(key, Start(limit, now)) < limit.Count) return null;
        return Wait(limit, await Database.SortedSetFirstAboveAsync(key, Start(limit, now)), now);
    }

    /// <summary>Clears the counted events. Not awaited: at worst they count a little longer.</summary>
    public void Reset(Limit limit, string subject) => _ = ResetAsync(KeyOf(limit, subject));

    private async Task ResetAsync(RedisKey key)
    {
        try
        {
            await Database.KeyDeleteAsync(key);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // The events count until they are older than the window.
        }
    }

    private static double Start(Limit limit, DateTimeOffset now) => (now - limit.Window).ToUnixTimeMilliseconds();

    private static TimeSpan Wait(Limit limit, SortedSetEntry[] oldest, DateTimeOffset now)
    {
        var wait = oldest.Length == 0
            ? limit.Window
            : DateTimeOffset.FromUnixTimeMilliseconds((long)oldest[0].Score) + limit.Window - now;
        return wait < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : wait;
    }

    private static RedisKey KeyOf(Limit limit, string subject) => $"limit:{limit.Name}:{Digest.Of(subject)}";
}
