using System.Collections.Frozen;

namespace OtpPortal.Delivery.Sms;

/// <summary>The format of a region's phone numbers. The data is in <c>numbering-plan.txt</c>.</summary>
/// <param name="Code">ISO 3166-1 alpha-2.</param>
/// <param name="CallingCode">The calling code without the plus.</param>
/// <param name="Min">Minimum number of digits after the calling code.</param>
/// <param name="Max">Maximum number of digits after the calling code.</param>
/// <param name="Trunk">The prefix of domestic calls, omitted from abroad; empty if there is none.</param>
internal sealed record NumberingPlan(string Code, string CallingCode, int Min, int Max, string Trunk)
{
    /// <summary>Maximum length of a prefix in the file.</summary>
    internal const int MaxPrefix = 9;

    private static readonly NumberingPlanFile s_file = NumberingPlanFile.ReadEmbedded();

    private static readonly FrozenDictionary<string, NumberingPlan> s_byCallingCode = s_file.Regions
        .Where(region => region.Prefixes.Count == 0)
        .ToFrozenDictionary(region => region.Plan.CallingCode, region => region.Plan, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, NumberingPlan> s_byCountry =
        s_file.Regions.ToFrozenDictionary(region => region.Plan.Code, region => region.Plan, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> s_countryByPrefix = s_file.Regions
        .SelectMany(region => region.Prefixes, (region, prefix) => (Prefix: prefix, region.Plan.Code))
        .ToFrozenDictionary(pair => pair.Prefix, pair => pair.Code, StringComparer.Ordinal);

    private static readonly FrozenSet<string> s_expensive = s_file.Expensive.ToFrozenSet(StringComparer.Ordinal);
    private static readonly FrozenSet<string> s_fictional = s_file.Fictional.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Returns a country's plan, or null for an unknown country code.</summary>
    public static NumberingPlan? Of(string country) => s_byCountry.GetValueOrDefault(country);

    /// <summary>Returns the plan of a number that starts with its calling code, or null if no country has this code.</summary>
    /// <remarks>
    /// Satellite phones (870, 881), international networks (882, 883) and freephone (800) belong to no country. They are the
    /// most expensive numbers.
    /// </remarks>
    public static NumberingPlan? OfNumber(string digits)
    {
        for (var length = 1; length <= 3 && length < digits.Length; length++)
        {
            if (s_byCallingCode.TryGetValue(digits[..length], out var plan)) return plan;
        }
        return null;
    }

    /// <summary>Returns the country of a complete number.</summary>
    public string CountryOf(string digits) =>
        LongestPrefix(s_countryByPrefix.ContainsKey, digits) is { } prefix ? s_countryByPrefix[prefix] : Code;

    public static bool IsExpensive(string digits) => LongestPrefix(s_expensive.Contains, digits) is not null;

    public static bool IsFictional(string digits) =>
        LongestPrefix(s_fictional.Contains, digits) is not null
        || (digits.Length == 11 && digits[0] == '1' && digits[4..].StartsWith("55501", StringComparison.Ordinal));

    private static string? LongestPrefix(Func<string, bool> known, string digits)
    {
        for (var length = Math.Min(MaxPrefix, digits.Length); length > 1; length--)
        {
            if (known(digits[..length])) return digits[..length];
        }
        return null;
    }
}
