using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Delivery;

namespace OtpPortal.MagicLinks;

/// <summary>Parses the single recipient of an email like magiclinksdev.</summary>
internal static partial class MailRecipient
{
    /// <summary>
    /// Returns the address of <c>ann@example.com</c> or <c>Ann &lt;ann@example.com&gt;</c> (RFC 5322, 3.4), in lowercase, with
    /// the domain in ASCII. Returns null for anything else. The local part may contain letters of any script (RFC 6531). The
    /// name is dropped, as in magiclinksdev.
    /// </summary>
    public static string? Parse(string text)
    {
        var address = (Named().Match(text) is { Success: true } named ? named.Groups["address"].Value : text).Trim(' ');
        var at = address.IndexOf('@', StringComparison.Ordinal);
        if (at < 0) return null;
        // Applies the rules for ASCII addresses, with each non-ASCII letter replaced by as many ASCII letters as it has bytes.
        var stand = string.Concat(address[..at].EnumerateRunes().Select(rune =>
            rune.IsAscii || !IsLetter(rune) ? rune.ToString() : new string('x', rune.Utf8SequenceLength)));
        if (!EmailAddress.TryParse(stand + address[at..], out var parsed)) return null;
        return address[..at].Normalize().ToLowerInvariant() + parsed.Value[stand.Length..];
    }

    private static bool IsLetter(Rune rune) =>
        Rune.IsLetterOrDigit(rune)
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    // A quoted name may contain anything; an unquoted one no characters that separate addresses.
    [GeneratedRegex(@"^(?:\s*""(?:[^""\\]|\\.)*""\s*|[^""<>()\[\]@,;:\\]*)<(?<address>[^<>]+)>\s*\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, Timeout.Infinite)]
    private static partial Regex Named();
}
