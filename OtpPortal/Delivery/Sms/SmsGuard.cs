using System.Globalization;
using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Delivery.Sms;

/// <summary>
/// Limits messages that cost money: to the countries in SMS_COUNTRIES, to a daily number, and to ranges and countries whose
/// codes are actually entered. Fraudsters request codes to numbers that they earn from (toll fraud, SMS pumping).
/// </summary>
/// <remarks>
/// Key layout in the OTP database: <c>sms:day:{yyyyMMdd}</c> (UTC), a hash of message counts with the fields <c>all</c> and a
/// country's ISO code; <c>sms:hour:{country}:{yyyyMMddHH}</c>, a hash with <c>s{minute}</c> = accepted messages and
/// <c>v{minute}</c> = correct codes. The daily counters are incremented before the comparison, so concurrent replicas cannot
/// exceed the limit. No phone number is stored.
/// </remarks>
public sealed partial class SmsGuard(
    SmsSettings settings,
    Stores stores,
    RateLimiter limiter,
    Statistics statistics,
    AuditLog audit,
    TimeProvider time,
    ILogger<SmsGuard> logger)
{
    // Operators assign numbers in blocks of thousands, so a fraudster's numbers are consecutive.
    private const int RangeDigits = 3;

    // The time to enter a code before its message counts.
    private static readonly TimeSpan s_answerTime = TimeSpan.FromMinutes(2);

    // Minimum time between two audit entries for the same setting and country.
    private static readonly TimeSpan s_noticeInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_dayRetention = TimeSpan.FromDays(2);
    private static readonly TimeSpan s_hourRetention = TimeSpan.FromHours(3);

    private StoreDatabase Database => stores.Otp.Database;

    /// <summary>Counts a correct code that was sent to this number. Ignores other addresses.</summary>
    public async Task CountVerifiedAsync(string number)
    {
        if (Read(number) is { } phone) await CountAsync(phone, 'v');
    }

    internal static bool Allows(string number, IReadOnlyList<string> countries) =>
        Read(number) is not { } phone || countries.Contains(phone.Country, StringComparer.Ordinal);

    /// <summary>Counts a message that a provider accepted.</summary>
    internal async Task CountSentAsync(string number)
    {
        if (Read(number) is { } phone) await CountAsync(phone, 's');
    }

    /// <summary>Counts a message before it is sent. Returns null if it may be sent, or the limit that holds it back.</summary>
    /// <param name="number">The number in E.164 format. Other addresses are not limited.</param>
    /// <param name="countries">The countries that the possible providers send to.</param>
    internal async Task<DispatchOutcome.Limited?> TakeAsync(string number, IReadOnlyList<string> countries)
    {
        if (Read(number) is not { } phone) return null;
        // The limits shared by all numbers come last, so that a limited range does not use them up.
        if (!countries.Contains(phone.Country, StringComparer.Ordinal)) return Refuse("SMS_COUNTRIES", phone, TimeSpan.FromDays(1));
        if (await CheckVerifiedAsync(phone.Country) is { } pause) return Refuse("SMS_MIN_VERIFIED", phone, pause);
        if (settings.PrefixLimit is { } limit && await limiter.TakeAsync(limit, phone.Value[..^RangeDigits]) is { } wait)
        {
            return Refuse("SMS_PREFIX_LIMIT", phone, wait);
        }
        return await CountDayAsync(phone);
    }

    private static PhoneNumber? Read(string number) =>
        number.StartsWith('+') && PhoneNumber.TryParse(number, null, allowFictional: true, out var phone) ? phone : null;

    private async Task<DispatchOutcome.Limited?> CountDayAsync(PhoneNumber phone)
    {
        var now = time.GetUtcNow();
        RedisKey key = "sms:day:" + now.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        Task<long> all = null!;
        Task<long> country = null!;
        await Database.TransactAsync(transaction =>
        {
            all = transaction.HashIncrementAsync(key, "all");
            country = transaction.HashIncrementAsync(key, phone.Country);
            _ = transaction.KeyExpireAsync(key, s_dayRetention);
        });
        var setting = await all > settings.DailyCap ? "SMS_DAILY_CAP"
            : settings.CountryQuotas.TryGetValue(phone.Country, out var quota) && await country > quota ? "SMS_COUNTRY_QUOTAS"
            : null;
        if (setting is null) return null;

        // A message that is not sent does not count. Otherwise rejections for one country would use up the limit for all.
        await Database.TransactAsync(transaction =>
        {
            _ = transaction.HashDecrementAsync(key, "all");
            _ = transaction.HashDecrementAsync(key, phone.Country);
            _ = transaction.KeyExpireAsync(key, s_dayRetention);
        });
        return Refuse(setting, phone, now.UtcDateTime.Date.AddDays(1) - now.UtcDateTime);
    }

    // Returns the time until messages to a country are allowed, or null if they are allowed now.
    private async Task<TimeSpan?> CheckVerifiedAsync(string country)
    {
        if (settings.MinVerified is not { } wanted) return null;
        var now = time.GetUtcNow();
        var hours = new[] { now.AddHours(-1), now };
        var slots = (await Task.WhenAll(hours.Select(async hour => (hour, Entries: await ReadHourAsync(country, hour)))))
            .SelectMany(hour => hour.Entries.Select(entry => ReadSlot(hour.hour, entry)))
            .Where(slot => slot.Start > now.AddHours(-1))
            .OrderBy(slot => slot.Start)
            .ToList();
        var old = slots.Where(slot => slot.Start + s_answerTime <= now).Sum(slot => slot.Sent);
        var verified = slots.Sum(slot => slot.Verified);
        if (old < wanted.Sample || verified * 100 >= old * wanted.Percent) return null;

        // Messages leave the sliding hour minute by minute, until fewer than the sample size are left.
        foreach (var slot in slots)
        {
            old -= slot.Sent;
            if (old >= wanted.Sample) continue;
            var wait = slot.Start.AddHours(1) - now;
            return wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1);
        }
        return TimeSpan.FromHours(1);
    }

    private static (DateTimeOffset Start, long Sent, long Verified) ReadSlot(DateTimeOffset hour, HashEntry entry)
    {
        var name = (string)entry.Name!;
        var start = new DateTimeOffset(hour.UtcDateTime.Date, TimeSpan.Zero)
            .AddHours(hour.UtcDateTime.Hour)
            .AddMinutes(int.Parse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture));
        return name[0] == 's' ? (start, (long)entry.Value, 0) : (start, 0, (long)entry.Value);
    }

    private Task<HashEntry[]> ReadHourAsync(string country, DateTimeOffset hour) =>
        Database.HashGetAllAsync(HourKey(country, hour));

    private async Task CountAsync(PhoneNumber phone, char what)
    {
        var now = time.GetUtcNow();
        var key = HourKey(phone.Country, now);
        try
        {
            // In one transaction with the expiry, because a key without one would never be deleted.
            await Database.TransactAsync(transaction =>
            {
                _ = transaction.HashIncrementAsync(key, string.Create(CultureInfo.InvariantCulture, $"{what}{now.UtcDateTime.Minute}"));
                _ = transaction.KeyExpireAsync(key, s_hourRetention);
            });
        }
        // A store failure must not fail a message that was sent or a code that was correct.
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotCounted(e.GetType().Name);
        }
    }

    private static RedisKey HourKey(string country, DateTimeOffset instant) =>
        $"sms:hour:{country}:{instant.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture)}";

    private DispatchOutcome.Limited Refuse(string setting, PhoneNumber phone, TimeSpan wait)
    {
        statistics.Count(StatisticsEvent.SmsHeldBack);
        // One entry per country rather than per number: a fraudster has thousands of numbers.
        _ = audit.WriteLimitHitAsync(setting, s_noticeInterval, phone.Country, phone.Value, "");
        Limited(setting, phone.Country);
        return new DispatchOutcome.Limited(setting, wait);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Setting} blocked an SMS to {Country}")]
    private partial void Limited(string setting, string country);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not count an SMS: the store is unavailable ({Error})")]
    private partial void NotCounted(string error);
}
