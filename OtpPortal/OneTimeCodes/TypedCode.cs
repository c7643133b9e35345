using System.Globalization;
using System.Text;

namespace OtpPortal.OneTimeCodes;

/// <summary>Parses a code that a user types or pastes.</summary>
public static class TypedCode
{
    /// <summary>
    /// Returns the digits of the code, or null if the text cannot be a code of this length, which uses no attempt. Ignores
    /// blanks and dashes, which mail clients and users insert. Converts digits of other scripts, such as full-width digits of
    /// Chinese keyboards.
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
