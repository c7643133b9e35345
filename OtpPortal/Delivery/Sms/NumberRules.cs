using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Sms;

/// <summary>The numbers that a provider sends to.</summary>
/// <param name="Countries"><c>…_COUNTRIES</c>, or SMS_COUNTRIES.</param>
/// <param name="DefaultCountry"><c>…_DEFAULT_COUNTRY</c>, or SMS_DEFAULT_COUNTRY.</param>
/// <param name="AllowFictional">As in <see cref="SmsSettings"/>.</param>
public sealed record NumberRules(IReadOnlyList<string> Countries, string? DefaultCountry, bool AllowFictional)
{
    /// <summary>Returns the general SMS terms, for a provider without its own.</summary>
    internal static NumberRules Of(SmsSettings sms) => new(sms.Countries, sms.DefaultCountry, sms.AllowFictional);

    internal static NumberRules Read(SettingsReader reader, string prefix)
    {
        var sms = reader.Get<SmsSettings>();
        var own = SmsSettings.ReadCountries(reader, prefix + "_COUNTRIES");
        return new(
            own.Count > 0 ? own : sms.Countries,
            SmsSettings.ReadCountry(reader, prefix + "_DEFAULT_COUNTRY") ?? sms.DefaultCountry,
            sms.AllowFictional);
    }

    /// <summary>Returns the number in E.164 format, or null if the text is not a number.</summary>
    internal string? Normalize(string typed) =>
        PhoneNumber.TryParse(typed, DefaultCountry, AllowFictional, out var number) ? number.Value : null;
}
