using System.Globalization;
using System.Text;

namespace OtpPortal.OneTimeCodes;

/// <summary>What a person types or pastes for a code.</summary>
public static class TypedCode
{
    /// <summary>
    /// The digits of it, or null when it cannot be a code of this length: then it costs no try. Blanks and dashes, as mail programs and
    /// people put between groups, are left out; digits of other scripts (full-width ones of Chinese keyboards) count as what they mean.
    /// </summary>
    public static string? Normalize(string? text, int length)
    {
        if (text is null || text.Length > 4 * length + 16) return null;
        var digits = new StringBuilder(length);
        foreach (var c in text)
        {
            if (char.IsWhiteSpace(c) || char.GetUnicodeCategory(c) is UnicodeCategory.DashPunctuation or UnicodeCategory.Format) continue;
            if (!char.IsDigit(c)) return null;
            digits.Append((char)('0' + CharUnicodeInfo.GetDecimalDigitValue(c)));
        }
        return digits.Length == length ? digits.ToString() : null;
    }
}
