using System.Globalization;
using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Delivery.Sms;

/// <summary>
/// Holds back messages that cost money: only to countries that were named, only so many a day, and none to ranges and countries that codes go
/// to and do not come back from. Fraudsters have codes sent to numbers that they are paid for (toll fraud, SMS pumping).
/// </summary>
/// <remarks>
/// Key layout in the OTP database: <c>sms:day:{yyyyMMdd}</c> (UTC), a hash of messages with the fields <c>all</c> and a country's ISO code;
/// <c>sms:hour:{country}:{yyyyMMddHH}</c>, a hash with <c>s{minute}</c> = messages taken by a provider and <c>v{minute}</c> = right codes. Both
/// are counted up before they are compared, so that no two replicas slip through together. No number stands in them.
/// </remarks>
public sealed partial class SmsGuard(
    SmsSettings settings, Stores stores, RateLimiter limiter, Statistics statistics, AuditLog audit, TimeProvider time, ILogger<SmsGuard> logger)
{
    // Numbers are given to operators by the thousand, so that is what fraudsters have.
    private const int RangeDigits = 3;

    // A code that was sent just now has not had the time to come back.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    // How often the audit log tells that a setting holds back what goes to one country.
    private static readonly TimeSpan s_noticePause = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_dayKept = TimeSpan.FromDays(2);
    private static readonly TimeSpan s_hourKept = TimeSpan.FromHours(3);

    private IDatabase Database => stores.Otp.Database;

    /// <summary>Notes that a code sent to this number came back. Any other address is none of its business.</summary>
    public async Task CountVerifiedAsync(string number)
    {
        if (Read(number) is { } phone) await CountAsync(phone, 'v');
    }

    internal static bool Allows(string number, IReadOnlyList<string> countries) =>
        Read(number) is not { } phone || countries.Contains(phone.Country, StringComparer.Ordinal);

    /// <summary>Notes that a provider took a message.</summary>
    internal async Task CountSentAsync(string number)
    {
        if (Read(number) is { } phone) await CountAsync(phone, 's');
    }

    /// <summary>Counts a message that is about to be sent; null when it may be, else which setting holds it back and how long.</summary>
    /// <param name="number">In E.164; any other address passes.</param>
    /// <param name="countries">That the providers in question write to.</param>
    internal async Task<DispatchOutcome.Limited?> TakeAsync(string number, IReadOnlyList<string> countries)
    {
        if (Read(number) is not { } phone) return null;
        // What is nobody's fault first, then what a single range does, and what all share last: so a range that is held back uses up nothing.
        if (!countries.Contains(phone.Country, StringComparer.Ordinal)) return Refuse("SMS_COUNTRIES", phone, TimeSpan.FromDays(1));
        if (await LookAtVerifiedAsync(phone.Country) is { } pause) return Refuse("SMS_MIN_VERIFIED", phone, pause);
        if (settings.PrefixLimit is { } limit && await limiter.TakeAsync(limit, phone.Value[..^RangeDigits]) is { } wait)
        {
            return Refuse("SMS_PREFIX_LIMIT", phone, wait);
        }
        return await CountDayAsync(phone);
    }

    private static PhoneNumber? Read(string number) => number.StartsWith('+') && PhoneNumber.TryParse(number, null, allowFictional: true, out var phone) ? phone : null;

    private async Task<DispatchOutcome.Limited?> CountDayAsync(PhoneNumber phone)
    {
        var now = time.GetUtcNow();
        RedisKey key = "sms:day:" + now.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        var transaction = Database.CreateTransaction();
        var all = transaction.HashIncrementAsync(key, "all");
        var country = transaction.HashIncrementAsync(key, phone.Country);
        _ = transaction.KeyExpireAsync(key, s_dayKept);
        await transaction.ExecuteAsync();
        var setting = await all > settings.DailyCap ? "SMS_DAILY_CAP"
            : settings.CountryQuotas.TryGetValue(phone.Country, out var quota) && await country > quota ? "SMS_COUNTRY_QUOTAS"
            : null;
        if (setting is null) return null;

        // Not sent, so not counted: else refusals to one country would use up everybody's day.
        var back = Database.CreateTransaction();
        _ = back.HashDecrementAsync(key, "all");
        _ = back.HashDecrementAsync(key, phone.Country);
        _ = back.KeyExpireAsync(key, s_dayKept);
        await back.ExecuteAsync();
        return Refuse(setting, phone, now.UtcDateTime.Date.AddDays(1) - now.UtcDateTime);
    }

    // How long to wait until codes may go to a country again; null when they may now.
    private async Task<TimeSpan?> LookAtVerifiedAsync(string country)
    {
        if (settings.MinVerified is not { } wanted) return null;
        var now = time.GetUtcNow();
        var slots = (await Task.WhenAll(new[] { now.AddHours(-1), now }.Select(async hour => (hour, Entries: await Database.HashGetAllAsync(HourKey(country, hour))))))
            .SelectMany(hour => hour.Entries.Select(entry => ReadSlot(hour.hour, entry)))
            .Where(slot => slot.Start > now.AddHours(-1))
            .OrderBy(slot => slot.Start)
            .ToList();
        var old = slots.Where(slot => slot.Start + s_patience <= now).Sum(slot => slot.Sent);
        var verified = slots.Sum(slot => slot.Verified);
        if (old < wanted.Sample || verified * 100 >= old * wanted.Percent) return null;

        // The messages of the last hour leave it one minute after the other, until too few are left to tell anything.
        foreach (var slot in slots)
        {
            old -= slot.Sent;
            if (old < wanted.Sample) return slot.Start.AddHours(1) - now is var wait && wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1);
        }
        return TimeSpan.FromHours(1);
    }

    private static (DateTimeOffset Start, long Sent, long Verified) ReadSlot(DateTimeOffset hour, HashEntry entry)
    {
        var name = (string)entry.Name!;
        var start = new DateTimeOffset(hour.UtcDateTime.Date, TimeSpan.Zero).AddHours(hour.UtcDateTime.Hour).AddMinutes(int.Parse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture));
        return name[0] == 's' ? (start, (long)entry.Value, 0) : (start, 0, (long)entry.Value);
    }

    private async Task CountAsync(PhoneNumber phone, char what)
    {
        var now = time.GetUtcNow();
        var key = HourKey(phone.Country, now);
        try
        {
            // Together with its expiry: a counter without one would stay for ever.
            var transaction = Database.CreateTransaction();
            _ = transaction.HashIncrementAsync(key, string.Create(CultureInfo.InvariantCulture, $"{what}{now.UtcDateTime.Minute}"));
            _ = transaction.KeyExpireAsync(key, s_hourKept);
            await transaction.ExecuteAsync();
        }
        // The message is out, or the code was right: a store that is away changes neither.
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotCounted(e.GetType().Name);
        }
    }

    private static RedisKey HourKey(string country, DateTimeOffset instant) =>
        $"sms:hour:{country}:{instant.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture)}";

    private DispatchOutcome.Limited Refuse(string setting, PhoneNumber phone, TimeSpan wait)
    {
        statistics.Count(Happening.SmsHeldBack);
        // An entry for each country, not for each of the thousands of numbers that fraudsters have.
        _ = audit.WriteLimitHitAsync(setting, s_noticePause, phone.Country, phone.Value, "");
        HeldBack(setting, phone.Country);
        return new DispatchOutcome.Limited(setting, wait);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Setting} holds an SMS to {Country} back")]
    private partial void HeldBack(string setting, string country);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An SMS was not counted, the store does not answer ({Error})")]
    private partial void NotCounted(string error);
}
