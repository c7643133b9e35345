using System.Collections.Concurrent;
using System.Globalization;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Auditing;

/// <summary>The counted events.</summary>
public enum StatisticsEvent
{
    /// <summary>A sign-in was begun.</summary>
    Begun,

    /// <summary>A token was issued.</summary>
    SignedIn,

    /// <summary>A provider accepted a message with a code.</summary>
    Sent,

    /// <summary>A code was correct.</summary>
    Verified,

    /// <summary>A code was wrong.</summary>
    Wrong,

    /// <summary>A code had expired.</summary>
    Expired,

    /// <summary>A limit rejected a request.</summary>
    Limited,

    /// <summary>An SMS was held back because of its cost.</summary>
    SmsHeldBack,
}

/// <summary>Counts events per hour, for the administrators' charts.</summary>
/// <remarks>
/// Key layout in the OTP database: <c>stats:{yyyyMMddHH}</c> (UTC), a hash that is kept 61 days, with the fields <c>begun</c>,
/// <c>signedin</c>, <c>sent</c>, <c>verified</c>, <c>wrong</c>, <c>expired</c>, <c>limited</c>, <c>smsheldback</c>;
/// <c>sent:{provider}</c> = messages that a provider accepted; <c>failed:{provider}</c> = undeliverable messages; and
/// <c>took:{seconds}</c> = verifications within at most this time after the first message. Contains no addresses and no
/// clients. Counting never fails the counted operation and never delays it; a crash loses up to 200 ms of counts.
/// </remarks>
public sealed partial class Statistics(Stores stores, TimeProvider time, ILogger<Statistics> logger) : IAsyncDisposable
{
    private const string AcceptedPrefix = "sent:";
    private const string FailedPrefix = "failed:";
    private const string DurationPrefix = "took:";

    // Two of the longest ranges, so that it can be compared with the one before, and the current day.
    private static readonly TimeSpan s_retention = TimeSpan.FromDays(61);

    // Every replica has written the counts of an hour by then, so they can be cached.
    private static readonly TimeSpan s_settled = TimeSpan.FromMinutes(1);

    // One write per event would cost more than the event, so writes are batched.
    private static readonly TimeSpan s_flushInterval = TimeSpan.FromMilliseconds(200);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<DateTimeOffset, StatisticsSlot> _past = new();
    private Dictionary<(string Key, string Field), long> _pending = [];

    private StoreDatabase Database => stores.Otp.Database;

    public void Count(StatisticsEvent what) => Add(FieldOf(what));

    /// <summary>Counts an undeliverable message.</summary>
    public void CountFailed(string provider) => Add(FailedPrefix + provider);

    /// <summary>Counts a message that a provider accepted, of any kind.</summary>
    public void CountAccepted(string provider) => Add(AcceptedPrefix + provider);

    /// <summary>Counts a correct code, with the time since the first message was sent.</summary>
    public void CountVerified(TimeSpan sinceSent) => Add(FieldOf(StatisticsEvent.Verified), DurationPrefix + Durations.BucketOf(sinceSent));

    /// <summary>Returns the counts of a range that ends now, including the current hour, and of the range before it.</summary>
    public async Task<StatisticsReport> ReadAsync(StatisticsRange range)
    {
        await WriteAsync();
        var (step, count) = range switch
        {
            StatisticsRange.Day => (1, 24),
            StatisticsRange.Week => (6, 28),
            StatisticsRange.Month => (24, 30),
            _ => throw new ArgumentOutOfRangeException(nameof(range)),
        };
        var now = time.GetUtcNow();
        var thisHour = new DateTimeOffset(now.UtcDateTime.Date.AddHours(now.UtcDateTime.Hour), TimeSpan.Zero);
        var first = thisHour.AddHours(-(thisHour.Hour % step)).AddHours(-step * (count - 1));
        // The range before is as long as the part of this range that has passed, so that both can be compared.
        var before = first.AddHours(-step * count);
        var length = (int)(thisHour - first).TotalHours + 1;
        var hours = await ReadAsync(Enumerable.Range(0, length).Select(hour => first.AddHours(hour)), now);
        var hoursBefore = await ReadAsync(Enumerable.Range(0, length).Select(hour => before.AddHours(hour)), now);
        return new StatisticsReport(
            range,
            [.. hours.Chunk(step).Select(slot => StatisticsSlot.Sum(slot[0].Start, slot))],
            StatisticsSlot.Sum(first, hours),
            StatisticsSlot.Sum(before, hoursBefore));
    }

    /// <summary>Writes the pending counts.</summary>
    public async ValueTask DisposeAsync() => await WriteAsync();

    private void Add(params ReadOnlySpan<string> fields)
    {
        var key = KeyOf(time.GetUtcNow());
        lock (_lock)
        {
            var isFirst = _pending.Count == 0;
            foreach (var field in fields) _pending[(key, field)] = _pending.GetValueOrDefault((key, field)) + 1;
            if (isFirst) _ = FlushLaterAsync();
        }
    }

    private async Task FlushLaterAsync()
    {
        // Real time, not TimeProvider: this only batches writes.
        await Task.Delay(s_flushInterval);
        await WriteAsync();
    }

    private async Task WriteAsync()
    {
        Dictionary<(string Key, string Field), long> gathered;
        lock (_lock) (gathered, _pending) = (_pending, []);
        try
        {
            foreach (var hour in gathered.GroupBy(count => count.Key.Key, StringComparer.Ordinal))
            {
                // In one transaction with the expiry, because a key without one would never be deleted.
                await Database.TransactAsync(transaction =>
                {
                    foreach (var ((key, field), number) in hour) _ = transaction.HashIncrementAsync(key, field, number);
                    _ = transaction.KeyExpireAsync(hour.Key, s_retention);
                });
            }
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotCounted(e.GetType().Name);
        }
    }

    private async Task<StatisticsSlot[]> ReadAsync(IEnumerable<DateTimeOffset> starts, DateTimeOffset now)
    {
        if (_past.Count > s_retention.TotalHours)
        {
            foreach (var old in _past.Keys.Where(start => start < now - s_retention)) _past.TryRemove(old, out _);
        }
        return await Task.WhenAll(starts.Select(async start =>
        {
            if (_past.TryGetValue(start, out var past)) return past;
            var slot = Read(start, await Database.HashGetAllAsync(KeyOf(start)));
            if (start.AddHours(1) + s_settled < now) _past[start] = slot;
            return slot;
        }));
    }

    private static StatisticsSlot Read(DateTimeOffset start, HashEntry[] entries)
    {
        if (entries.Length == 0) return StatisticsSlot.Empty(start);
        var counts = entries.ToDictionary(entry => (string)entry.Name!, entry => (long)entry.Value, StringComparer.Ordinal);
        long Of(StatisticsEvent what) => counts.GetValueOrDefault(FieldOf(what));
        return new StatisticsSlot(
            start, Of(StatisticsEvent.Begun), Of(StatisticsEvent.SignedIn), Of(StatisticsEvent.Sent), Of(StatisticsEvent.Verified),
            Of(StatisticsEvent.Wrong),
            Of(StatisticsEvent.Expired), Of(StatisticsEvent.Limited), Of(StatisticsEvent.SmsHeldBack),
            WithPrefix(counts, AcceptedPrefix), WithPrefix(counts, FailedPrefix), new Durations(WithPrefix(counts, DurationPrefix)));
    }

    private static Dictionary<string, long> WithPrefix(Dictionary<string, long> counts, string prefix) =>
        counts.Where(count => count.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(count => count.Key[prefix.Length..], count => count.Value, StringComparer.Ordinal);

    private static string FieldOf(StatisticsEvent what) => what switch
    {
        StatisticsEvent.Begun => "begun",
        StatisticsEvent.SignedIn => "signedin",
        StatisticsEvent.Sent => "sent",
        StatisticsEvent.Verified => "verified",
        StatisticsEvent.Wrong => "wrong",
        StatisticsEvent.Expired => "expired",
        StatisticsEvent.Limited => "limited",
        StatisticsEvent.SmsHeldBack => "smsheldback",
        _ => throw new ArgumentOutOfRangeException(nameof(what)),
    };

    private static string KeyOf(DateTimeOffset instant) =>
        "stats:" + instant.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not count an event: the store is unavailable ({Error})")]
    private partial void NotCounted(string error);
}
