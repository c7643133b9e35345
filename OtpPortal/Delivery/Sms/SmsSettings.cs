using System.Globalization;
using OtpPortal.Configuration;
using OtpPortal.Limits;

namespace OtpPortal.Delivery.Sms;

/// <summary>Settings of SMS: the allowed numbers, the limits and the order of the providers.</summary>
/// <param name="Order">SMS_PROVIDERS: the names of the providers, in the order in which they are tried.</param>
/// <param name="Countries">SMS_COUNTRIES: ISO codes of the allowed countries. Empty, the default, allows none.</param>
/// <param name="DefaultCountry">SMS_DEFAULT_COUNTRY: the country of numbers without a country code.</param>
/// <param name="DailyCap">SMS_DAILY_CAP: messages per day (UTC), 1–1,000,000.</param>
/// <param name="CountryQuotas">SMS_COUNTRY_QUOTAS: messages per day (UTC) to individual countries, 0–1,000,000 each.</param>
/// <param name="PrefixLimit">SMS_PREFIX_LIMIT: messages to numbers that share all but their last three digits; null disables
/// it.</param>
/// <param name="MinVerified">SMS_MIN_VERIFIED: the share of codes that must be entered correctly; null disables it.</param>
/// <param name="AllowFictional">Accepts numbers that are reserved for fiction and examples; only in Development.</param>
public sealed record SmsSettings(
    IReadOnlyList<string> Order,
    IReadOnlyList<string> Countries,
    string? DefaultCountry,
    int DailyCap,
    IReadOnlyDictionary<string, int> CountryQuotas,
    Limit? PrefixLimit,
    MinVerified? MinVerified,
    bool AllowFictional) : ISettings<SmsSettings>
{
    public static SmsSettings Read(SettingsReader reader) => new(
        reader.List("SMS_PROVIDERS"),
        ReadCountries(reader, "SMS_COUNTRIES"),
        ReadCountry(reader, "SMS_DEFAULT_COUNTRY"),
        reader.Integer("SMS_DAILY_CAP", 1000, 1, 1_000_000, "messages per day"),
        ReadQuotas(reader),
        IsDisabled(reader, "SMS_PREFIX_LIMIT") ? null : LimitSettings.ReadLimit(reader, "SMS_PREFIX_LIMIT", "SMS_PREFIX", 20, 3600),
        IsDisabled(reader, "SMS_MIN_VERIFIED") ? null : ReadMinVerified(reader),
        !reader.IsProduction);

    internal static IReadOnlyList<string> ReadCountries(SettingsReader reader, string name)
    {
        var countries = reader.List(name).Select(code => code.ToUpperInvariant()).Distinct(StringComparer.Ordinal).ToList();
        foreach (var code in countries.Where(code => !PhoneNumber.IsCountry(code)))
        {
            reader.AddError(name, code, "a comma-separated list of ISO country codes such as DE,AT,CH");
        }
        return countries;
    }

    internal static string? ReadCountry(SettingsReader reader, string name)
    {
        if (reader.Text(name)?.ToUpperInvariant() is not { } code) return null;
        if (PhoneNumber.IsCountry(code)) return code;
        reader.AddError(name, code, "an ISO country code such as DE");
        return null;
    }

    private static Dictionary<string, int> ReadQuotas(SettingsReader reader)
    {
        const string Name = "SMS_COUNTRY_QUOTAS";
        var quotas = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in reader.List(Name))
        {
            var parts = entry.ToUpperInvariant().Split(':', StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || !PhoneNumber.IsCountry(parts[0])
                || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var quota) || quota > 1_000_000
                || !quotas.TryAdd(parts[0], quota))
            {
                reader.AddError(
                    Name,
                    entry,
                    "a comma-separated list of COUNTRY:messages per day such as DE:500,US:200, each country once, 0 to 1000000");
            }
        }
        return quotas;
    }

    private static MinVerified ReadMinVerified(SettingsReader reader)
    {
        var standard = new MinVerified(10, 50);
        if (reader.Text("SMS_MIN_VERIFIED") is not { } text) return standard;
        var parts = text.Split('/');
        if (parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var percent) && percent is >= 1 and <= 100
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var sample) && sample is >= 1 and <= 100_000)
        {
            return new MinVerified(percent, sample);
        }
        reader.AddError(
            "SMS_MIN_VERIFIED", text, "off, or percent/messages such as 10/50, with 1 to 100 percent and 1 to 100000 messages");
        return standard;
    }

    private static bool IsDisabled(SettingsReader reader, string name) =>
        string.Equals(reader.Text(name), "off", StringComparison.OrdinalIgnoreCase);
}

/// <summary>The minimum share of a country's messages in the last hour whose code was entered correctly.</summary>
/// <param name="Percent">1–100.</param>
/// <param name="Sample">The minimum number of messages for the share to apply, 1–100,000.</param>
public sealed record MinVerified(int Percent, int Sample);
