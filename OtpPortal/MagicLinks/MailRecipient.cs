using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Delivery;

namespace OtpPortal.MagicLinks;

/// <summary>The one recipient of a mail, as magiclinksdev takes it.</summary>
internal static partial class MailRecipient
{
    /// <summary>
    /// Returns the address of <c>ann@example.com</c> or <c>Ann &lt;ann@example.com&gt;</c> (RFC 5322, 3.4), in lower case, with the
    /// domain in ASCII; null for anything else. The local part may have letters of any script (RFC 6531). The name is dropped, as
    /// magiclinksdev drops it.
    /// </summary>
    public static string? Parse(string text)
    {
        var address = (Named().Match(text) is { Success: true } named ? named.Groups["address"].Value : text).Trim(' ');
        var at = address.IndexOf('@', StringComparison.Ordinal);
        if (at < 0) return null;
        // The rules of an ASCII address, with each letter of another script counted as the ASCII letters that its bytes would be.
        var stand = string.Concat(address[..at].EnumerateRunes().Select(rune =>
            rune.IsAscii || !IsLetter(rune) ? rune.ToString() : new string('x', rune.Utf8SequenceLength)));
        if (!EmailAddress.TryParse(stand + address[at..], out var parsed)) return null;
        return address[..at].Normalize().ToLowerInvariant() + parsed.Value[stand.Length..];
    }

    private static bool IsLetter(Rune rune) =>
        Rune.IsLetterOrDigit(rune)
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    // Between quotation marks a name may have anything; without them, nothing that separates addresses.
    [GeneratedRegex(@"^(?:\s*""(?:[^""\\]|\\.)*""\s*|[^""<>()\[\]@,;:\\]*)<(?<address>[^<>]+)>\s*\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Named();
}
