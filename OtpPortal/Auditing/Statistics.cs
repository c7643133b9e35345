using System.Globalization;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Auditing;

/// <summary>What is counted.</summary>
public enum Happening
{
    /// <summary>Somebody asked to sign in.</summary>
    Begun,

    /// <summary>A token was issued.</summary>
    SignedIn,

    /// <summary>A provider took a message with a code.</summary>
    Sent,

    /// <summary>A right code.</summary>
    Verified,

    /// <summary>A wrong code.</summary>
    Wrong,

    /// <summary>A code that came too late.</summary>
    Expired,

    /// <summary>Something was refused because of a limit.</summary>
    Limited,

    /// <summary>An SMS was held back because of what it costs.</summary>
    SmsHeldBack,
}

/// <summary>Counts what happens, hour by hour, for the charts of the administration.</summary>
/// <remarks>
/// Key layout in the OTP database: <c>stats:{yyyyMMddHH}</c> (UTC), a hash that is kept 31 days, with the fields <c>begun</c>,
/// <c>signedin</c>, <c>sent</c>, <c>verified</c>, <c>wrong</c>, <c>expired</c>, <c>limited</c>, <c>smsheldback</c>;
/// <c>failed:{provider}</c> = messages given up; and <c>took:{seconds}</c> = successes that took at most so long from the first message on.
/// No address and no client is in it. Counting never fails and never holds up what is counted; a process that dies takes a fifth of a
/// second of it along.
/// </remarks>
public sealed partial class Statistics(Stores stores, TimeProvider time, ILogger<Statistics> logger) : IAsyncDisposable
{
    private const string Failed = "failed:";
    private const string Took = "took:";
    private const int Hours = 24;
    private const int Days = 30;
    private static readonly TimeSpan s_kept = TimeSpan.FromDays(31);

    // A write for each event would cost more than the event: many are written together.
    private static readonly TimeSpan s_gathering = TimeSpan.FromMilliseconds(200);

    private readonly Lock _lock = new();
    private Dictionary<(string Key, string Field), long> _gathered = [];

    private IDatabase Database => stores.Otp.Database;

    public void Count(Happening what) => Add(FieldOf(what));

    /// <summary>A message was given up.</summary>
    public void CountFailed(string provider) => Add(Failed + provider);

    /// <summary>A right code, so long after the first message was sent.</summary>
    public void CountVerified(TimeSpan sinceSent) => Add(FieldOf(Happening.Verified), Took + Durations.BucketOf(sinceSent));

    /// <summary>The last 24 hours and the last 30 days (UTC), the running ones included.</summary>
    public async Task<StatisticsReport> ReadAsync()
    {
        await WriteAsync();
        var now = time.GetUtcNow().UtcDateTime;
        var thisHour = new DateTimeOffset(now.Date.AddHours(now.Hour), TimeSpan.Zero);
        var first = new DateTimeOffset(now.Date.AddDays(1 - Days), TimeSpan.Zero);
        var starts = Enumerable.Range(0, (int)(thisHour - first).TotalHours + 1).Select(hour => first.AddHours(hour)).ToArray();
        var answers = await Task.WhenAll(starts.Select(start => Database.HashGetAllAsync(KeyOf(start))));
        var hours = starts.Zip(answers, Read).ToArray();
        var days = hours.GroupBy(hour => hour.Start.Date)
            .Select(day => StatisticsSlot.Sum(new DateTimeOffset(day.Key, TimeSpan.Zero), [.. day]));
        return new StatisticsReport(hours[^Hours..], [.. days]);
    }

    /// <summary>Writes what was gathered last.</summary>
    public async ValueTask DisposeAsync() => await WriteAsync();

    private void Add(params ReadOnlySpan<string> fields)
    {
        var key = KeyOf(time.GetUtcNow());
        lock (_lock)
        {
            var isFirst = _gathered.Count == 0;
            foreach (var field in fields) _gathered[(key, field)] = _gathered.GetValueOrDefault((key, field)) + 1;
            if (isFirst) _ = WriteSoonAsync();
        }
    }

    private async Task WriteSoonAsync()
    {
        // In real time, whatever the clock says: it only makes one write of many.
        await Task.Delay(s_gathering);
        await WriteAsync();
    }

    private async Task WriteAsync()
    {
        Dictionary<(string Key, string Field), long> gathered;
        lock (_lock) (gathered, _gathered) = (_gathered, []);
        try
        {
            foreach (var hour in gathered.GroupBy(count => count.Key.Key, StringComparer.Ordinal))
            {
                // Together with its expiry: a counter without one would stay for ever.
                var transaction = Database.CreateTransaction();
                foreach (var ((key, field), number) in hour) _ = transaction.HashIncrementAsync(key, field, number);
                _ = transaction.KeyExpireAsync(hour.Key, s_kept);
                await transaction.ExecuteAsync();
            }
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotCounted(e.GetType().Name);
        }
    }

    private static StatisticsSlot Read(DateTimeOffset start, HashEntry[] entries)
    {
        var counts = entries.ToDictionary(entry => (string)entry.Name!, entry => (long)entry.Value, StringComparer.Ordinal);
        long Of(Happening what) => counts.GetValueOrDefault(FieldOf(what));
        return new StatisticsSlot(
            start, Of(Happening.Begun), Of(Happening.SignedIn), Of(Happening.Sent), Of(Happening.Verified), Of(Happening.Wrong),
            Of(Happening.Expired), Of(Happening.Limited), Of(Happening.SmsHeldBack),
            Under(counts, Failed), new Durations(Under(counts, Took)));
    }

    private static Dictionary<string, long> Under(Dictionary<string, long> counts, string prefix) =>
        counts.Where(count => count.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(count => count.Key[prefix.Length..], count => count.Value, StringComparer.Ordinal);

    private static string FieldOf(Happening what) => what switch
    {
        Happening.Begun => "begun",
        Happening.SignedIn => "signedin",
        Happening.Sent => "sent",
        Happening.Verified => "verified",
        Happening.Wrong => "wrong",
        Happening.Expired => "expired",
        Happening.Limited => "limited",
        Happening.SmsHeldBack => "smsheldback",
        _ => throw new ArgumentOutOfRangeException(nameof(what)),
    };

    private static string KeyOf(DateTimeOffset instant) =>
        "stats:" + instant.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not count an event: the store is unavailable ({Error})")]
    private partial void NotCounted(string error);
}
