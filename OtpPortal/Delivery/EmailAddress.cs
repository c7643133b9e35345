using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using OtpPortal.Http;

namespace OtpPortal.Delivery;

/// <summary>
/// An email address in the form in which it is stored, compared and counted: lowercase, with the domain in ASCII (RFC 5891).
/// </summary>
/// <remarks>
/// The grammar is RFC 5321's dot-string with its length limits: no consecutive dots, and none at either end of the local part.
/// Quoted local parts, comments and names in angle brackets are rejected, because they can inject recipients and header lines
/// into mail.
/// </remarks>
public sealed partial record EmailAddress
{
    /// <summary>Maximum length in characters: 64 before the at sign and 255 after it (RFC 5321, 4.5.3.1).</summary>
    public const int MaxLength = 320;

    private static readonly IdnMapping s_idn = new() { UseStd3AsciiRules = true };

    private EmailAddress(string value) => Value = value;

    public string Value { get; }

    /// <summary>Gets the first letter and the domain, for logs.</summary>
    public string Masked => MaskedAddress.Of(Value);

    public static bool TryParse(string? text, [NotNullWhen(true)] out EmailAddress? address)
    {
        address = null;
        text = text?.Trim(' ');
        if (text is null || text.Length is < 3 or > MaxLength) return false;
        var at = text.IndexOf('@', StringComparison.Ordinal);
        if (at < 1 || at > 64 || !LocalPart().IsMatch(text[..at])) return false;
        if (!TryGetAscii(text[(at + 1)..], out var domain) || at + 1 + domain.Length > MaxLength) return false;
        address = new EmailAddress((text[..at] + "@" + domain).ToLowerInvariant());
        return true;
    }

    /// <summary>Returns the normalized address, or null if the text is not an address.</summary>
    internal static string? Normalize(string text) => TryParse(text, out var address) ? address.Value : null;

    public override string ToString() => Masked;

    private static bool TryGetAscii(string text, out string domain)
    {
        domain = "";
        if (text.Any(c => c <= ' ' || char.IsControl(c) || c == '@')) return false;
        try
        {
            domain = s_idn.GetAscii(text).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return false;
        }
        return domain == "localhost" || Domain().IsMatch(domain);
    }

    [GeneratedRegex(@"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex LocalPart();

    [GeneratedRegex(@"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex Domain();
}
