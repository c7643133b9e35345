using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using OtpPortal.Http;

namespace OtpPortal.Delivery.Sms;

/// <summary>A phone number in the form in which it is stored, compared and counted: <c>+</c>, calling code, number (ITU-T E.164).</summary>
/// <remarks>
/// The number is plausible: its country exists, its length fits that country's plan, and it is in no known premium-rate range.
/// Does not use libphonenumber, because some registries lack it, and its formats of 250 countries are not needed here.
/// </remarks>
public sealed record PhoneNumber
{
    /// <summary>Maximum length of a typed number in characters: 15 digits with separators.</summary>
    public const int MaxTyped = 40;

    private const int MaxDigits = 15;

    private PhoneNumber(string value, string country)
    {
        Value = value;
        Country = country;
    }

    /// <summary>Gets the number in E.164, such as <c>+491711234567</c>.</summary>
    public string Value { get; }

    /// <summary>Gets the country as ISO 3166-1 alpha-2, such as <c>DE</c>.</summary>
    public string Country { get; }

    /// <summary>Gets the first digits and the last two, for logs.</summary>
    public string Masked => MaskedAddress.Of(Value);

    /// <summary>Returns whether a text is the ISO code of a country that has phone numbers.</summary>
    public static bool IsCountry(string code) => NumberingPlan.Of(code) is not null;

    /// <summary>
    /// Parses the formats that users type: <c>+49 (0)171 / 123-4567</c>, <c>0049…</c>, and with a default country <c>0171…</c>.
    /// </summary>
    /// <param name="defaultCountry">The ISO code of the country of numbers without a country code; null rejects such
    /// numbers.</param>
    /// <param name="allowFictional">Accepts numbers that are reserved for fiction and examples.</param>
    public static bool TryParse(string? text, string? defaultCountry, bool allowFictional, [NotNullWhen(true)] out PhoneNumber? number)
    {
        number = null;
        if (text is null || text.Length > MaxTyped || !TryClean(text, out var digits, out var isInternational)) return false;
        var home = defaultCountry is null ? null : NumberingPlan.Of(defaultCountry);
        if (!isInternational)
        {
            if (digits.StartsWith("00", StringComparison.Ordinal))
            {
                (digits, isInternational) = (digits[2..], true);
            }
            else if (home?.CallingCode == "1" && digits.StartsWith("011", StringComparison.Ordinal))
            {
                // The international prefix of the North American plan.
                (digits, isInternational) = (digits[3..], true);
            }
        }
        var whole = isInternational ? ParseInternational(digits)
            : home is null ? null
            : ParseNational(digits, home);
        if (whole is null || NumberingPlan.IsExpensive(whole) || (!allowFictional && NumberingPlan.IsFictional(whole))) return false;
        number = new PhoneNumber("+" + whole, NumberingPlan.OfNumber(whole)!.CountryOf(whole));
        return true;
    }

    public override string ToString() => Masked;

    private static string? ParseInternational(string digits)
    {
        if (NumberingPlan.OfNumber(digits) is not { } plan) return null;
        var rest = digits[plan.CallingCode.Length..];
        // +49 0171… and +49 (0)171…: the 0 is dialed only within the country, and no number after it starts with 0.
        if (plan.Trunk == "0") rest = rest.TrimStart('0') is var bare && rest.Length - bare.Length <= 1 ? bare : rest;
        // Until 2019 Mexico's mobile numbers had a leading 1 when called from abroad. Many address books still have it.
        if (plan.Code == "MX" && rest.Length == 11 && rest[0] == '1') rest = rest[1..];
        return HasValidLength(plan, rest) ? plan.CallingCode + rest : null;
    }

    private static string? ParseNational(string digits, NumberingPlan home)
    {
        if (home.Trunk.Length > 0 && digits.StartsWith(home.Trunk, StringComparison.Ordinal)
            && HasValidLength(home, digits[home.Trunk.Length..]))
        {
            return home.CallingCode + digits[home.Trunk.Length..];
        }
        if (HasValidLength(home, digits)) return home.CallingCode + digits;
        // 49171…: the plus is missing.
        var isInternational = digits.StartsWith(home.CallingCode, StringComparison.Ordinal)
            && HasValidLength(home, digits[home.CallingCode.Length..]);
        return isInternational ? digits : null;
    }

    private static bool HasValidLength(NumberingPlan plan, string rest)
    {
        if (rest.Length < plan.Min || rest.Length > plan.Max || plan.CallingCode.Length + rest.Length > MaxDigits) return false;
        if (plan.Trunk == "0" && rest[0] == '0') return false;
        // NXX NXX XXXX, without N11 and N9X as area codes.
        return plan.CallingCode != "1" || (rest[0] >= '2' && rest[1] != '9' && rest[1..3] != "11" && rest[3] >= '2');
    }

    // Converts digits of any script and drops separators.
    private static bool TryClean(string text, out string digits, out bool isInternational)
    {
        var kept = new StringBuilder();
        isInternational = false;
        foreach (var c in text)
        {
            switch (char.GetUnicodeCategory(c))
            {
                case UnicodeCategory.DecimalDigitNumber:
                    kept.Append((char)('0' + (int)char.GetNumericValue(c)));
                    break;
                case UnicodeCategory.SpaceSeparator or UnicodeCategory.DashPunctuation or UnicodeCategory.Format:
                    break;
                case var _ when c is '.' or '/' or '(' or ')' or '\u2212':
                    break;
                case var _ when c is '+' or '\uFF0B' && kept.Length == 0 && !isInternational:
                    isInternational = true;
                    break;
                default:
                    digits = "";
                    return false;
            }
        }
        digits = kept.ToString();
        return digits.Length > 3;
    }
}
