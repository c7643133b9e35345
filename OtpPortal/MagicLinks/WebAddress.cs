using System.Globalization;
using System.Text.RegularExpressions;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>
/// An http(s) URL from an account in plain ASCII: the host in punycode, everything else percent-encoded (RFC 3987, 3.1). The
/// allow-list check, the page that shows the host, and the browser that follows Location thus interpret it in the same way.
/// </summary>
/// <param name="Value">The complete URL.</param>
/// <param name="WithoutUser">The URL without <c>user:password@</c>.</param>
internal sealed partial record WebAddress(string Value, string WithoutUser)
{
    /// <summary>Maximum length of <see cref="Value"/> in characters.</summary>
    public const int MaxLength = 2048;

    private static readonly IdnMapping s_idn = new() { UseStd3AsciiRules = true };

    public bool HasUser => Value.Length != WithoutUser.Length;

    /// <summary>Parses a URL as users write it. Returns null for anything that browsers would repair.</summary>
    public static WebAddress? Parse(string text)
    {
        // Browsers treat a backslash as a slash, and drop tabs and line breaks.
        if (text.Any(c => c == '\\' || char.IsControl(c)) || Parts().Match(text) is not { Success: true } match) return null;
        if (Ascii(match.Groups["host"].Value) is not { } host) return null;
        var (scheme, rest) = (match.Groups["scheme"].Value, host + match.Groups["port"].Value + Encode(match.Groups["path"].Value));
        var address = new WebAddress(scheme + match.Groups["user"].Value + rest, scheme + rest);
        return address.Value.Length <= MaxLength && SafeRedirects.IsWebAddress(address.WithoutUser) ? address : null;
    }

    private static string? Ascii(string host)
    {
        try
        {
            return System.Text.Ascii.IsValid(host) ? host : s_idn.GetAscii(host);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static string Encode(string text) =>
        string.Concat(text.EnumerateRunes().Select(rune =>
            rune.Value is > ' ' and <= '~' ? rune.ToString() : Uri.EscapeDataString(rune.ToString())));

    // User information as in RFC 3986, 3.2.1, where a second @ must be encoded, so that all parsers see the same host.
    [GeneratedRegex(
        @"^(?<scheme>https?://)(?<user>[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?(?<host>[^/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])" +
        @"(?<port>:[0-9]+)?(?<path>[/?#].*)?\z",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, Timeout.Infinite)]
    private static partial Regex Parts();
}
