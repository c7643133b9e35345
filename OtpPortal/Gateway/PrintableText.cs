using System.Globalization;
using System.Text;

namespace OtpPortal.Gateway;

/// <summary>Validates text that users can see and type.</summary>
internal static class PrintableText
{
    /// <summary>
    /// Returns whether a text has <paramref name="min"/> to <paramref name="max"/> characters, all of them letters, digits,
    /// marks, symbols, punctuation or spaces of any script.
    /// </summary>
    public static bool Is(string text, int min, int max)
    {
        var length = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (++length > max || !IsPrintable(rune)) return false;
        }
        return length >= min;
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
