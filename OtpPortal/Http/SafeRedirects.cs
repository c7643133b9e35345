using System.Text.RegularExpressions;
using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>
/// Decides where signed-in users may be redirected. All redirects are checked here: an open redirect would let an attacker use
/// the portal's good name for a phishing page (CWE-601; OWASP Unvalidated Redirects).
/// </summary>
public sealed partial class SafeRedirects
{
    private readonly List<Entry> _entries;

    private SafeRedirects(List<Entry> entries) => _entries = entries;

    /// <summary>
    /// The allowed targets as Content-Security-Policy sources: browsers apply <c>form-action</c> to redirects after a form as
    /// well.
    /// </summary>
    public IEnumerable<string> FormActionSources => _entries.SelectMany(e => e.Sources());

    /// <summary>
    /// Returns whether an address may be redirected to. It must be absolute and plain ASCII. Anything that browsers repair
    /// (<c>//evil</c>, <c>/\evil</c>, <c>https:evil</c>, tabs, line breaks, a user name before @) is rejected and never
    /// repaired, because browsers and servers repair differently.
    /// </summary>
    public bool Allows(string? url)
    {
        if (Parts(url) is not { } match) return false;

        var secure = match.Groups["scheme"].Value.Equals("https", StringComparison.OrdinalIgnoreCase);
        var host = match.Groups["host"].Value.ToLowerInvariant();
        var port = match.Groups["port"].Success
            ? int.Parse(match.Groups["port"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)
            : secure ? 443 : 80;
        // Plain HTTP would expose the user's data to the network.
        if (!secure && !IsLoopback(host)) return false;
        return _entries.Exists(entry => entry.Matches(host, port));
    }

    /// <summary>
    /// Returns whether a text is an absolute http(s) address, for API clients that choose their own targets.
    /// </summary>
    public static bool IsWebAddress(string url) => Parts(url) is not null;

    /// <summary>Returns whether a text is a valid entry of a list of allowed hosts.</summary>
    public static bool IsEntry(string text) => Entry.TryParse(text, out _);

    public static SafeRedirects Parse(params IEnumerable<string> entries)
    {
        var parsed = new List<Entry>();
        foreach (var entry in entries)
        {
            parsed.Add(Entry.TryParse(entry, out var value) ? value : throw new ArgumentException($"Not a host: {entry}", nameof(entries)));
        }
        return new SafeRedirects(parsed);
    }

    internal static SafeRedirects Read(SettingsReader reader, string setting = "ALLOWED_REDIRECTS")
    {
        var entries = new List<Entry>();
        foreach (var text in reader.List(setting))
        {
            if (Entry.TryParse(text, out var entry)) entries.Add(entry);
            else
            {
                reader.AddError(
                    setting, text, "a comma-separated list of hosts such as app.example.com, app.example.com:8443 or *.example.com, "
                    + "without wildcards for a whole top-level domain");
            }
        }
        return new SafeRedirects(entries);
    }

    private static Match? Parts(string? url)
    {
        if (url is null || url.Length > 2048 || url.Any(c => c is <= ' ' or > '~' or '\\')) return null;
        var match = FullAddress().Match(url);
        // Browsers also reject what the system's parser rejects (a port above 65535, an empty label).
        return match.Success && Uri.TryCreate(url, UriKind.Absolute, out _) ? match : null;
    }

    private static bool IsLoopback(string host) => host is "localhost" or "127.0.0.1" or "[::1]";

    private sealed record Entry(string Host, bool Wildcard, int? Port)
    {
        public bool Matches(string host, int port) =>
            (Port is null || Port == port)
            && (Wildcard ? host.EndsWith('.' + Host, StringComparison.Ordinal) && host.Length > Host.Length + 1 : host == Host);

        public IEnumerable<string> Sources()
        {
            var host = (Wildcard ? "*." : "") + Host + ':' + (Port?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "*");
            yield return "https://" + host;
            if (IsLoopback(Host)) yield return "http://" + host;
        }

        public static bool TryParse(string text, out Entry entry)
        {
            entry = new Entry("", false, null);
            var match = AllowedHost().Match(text.ToLowerInvariant());
            if (!match.Success) return false;
            var host = match.Groups["host"].Value;
            var wildcard = match.Groups["wildcard"].Success;
            if (wildcard && !host.Contains('.', StringComparison.Ordinal)) return false;
            int? port = null;
            if (match.Groups["port"].Success)
            {
                port = int.Parse(match.Groups["port"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
                if (port is 0 or > 65535) return false;
            }
            entry = new Entry(host, wildcard, port);
            return true;
        }
    }

    [GeneratedRegex(
        @"^(?<scheme>https?)://(?<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?<port>[0-9]{1,5}))?(?:[/?#]|\z)",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, Timeout.Infinite)]
    private static partial Regex FullAddress();

    [GeneratedRegex(
        @"^(?<wildcard>\*\.)?(?<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?<port>[0-9]{1,5}))?\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, Timeout.Infinite)]
    private static partial Regex AllowedHost();
}
