using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Configuration;

/// <summary>
/// Reads settings by name and collects every complaint, so that one start tells all that is wrong.
/// An empty value counts as not set.
/// </summary>
public sealed class SettingsReader(IReadOnlyDictionary<string, string> values, bool isProduction, string rootDirectory)
{
    private readonly List<string> _complaints = [];

    /// <summary>True unless the environment is Development: the stricter rules hold.</summary>
    public bool IsProduction => isProduction;

    /// <summary>The folder that relative paths start from: the solution's, or the working directory of a published program.</summary>
    public string RootDirectory => rootDirectory;

    public IReadOnlyList<string> Complaints => _complaints;

    public void Complain(string complaint) => _complaints.Add(complaint);

    /// <summary>The names that are set, for families such as <c>LIMIT_…</c>.</summary>
    public IEnumerable<string> Names => values.Keys;

    public string? Text(string name) =>
        values.TryGetValue(name, out var value) && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;

    public string Text(string name, string fallback) => Text(name) ?? fallback;

    /// <summary>One line of text without control characters, for what ends up in headers and pages.</summary>
    public string Line(string name, string fallback, int maxLength)
    {
        var text = Text(name, fallback);
        if (text.Length <= maxLength && !text.Any(char.IsControl)) return text;
        Complain(name, text, $"one line of at most {maxLength} characters");
        return fallback;
    }

    public int Integer(string name, int fallback, int min, int max, string unit = "")
    {
        var text = Text(name);
        if (text is null) return fallback;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max) return number;
        Complain(name, text, $"a whole number from {min} to {max}{(unit.Length > 0 ? " (" + unit + ")" : "")}");
        return fallback;
    }

    public TimeSpan Seconds(string name, int fallback, int min, int max) =>
        TimeSpan.FromSeconds(Integer(name, fallback, min, max, "seconds"));

    public bool Flag(string name, bool fallback = false)
    {
        var text = Text(name);
        switch (text?.ToUpperInvariant())
        {
            case null: return fallback;
            case "TRUE" or "1" or "YES" or "ON": return true;
            case "FALSE" or "0" or "NO" or "OFF": return false;
            default:
                Complain(name, text, "true or false");
                return fallback;
        }
    }

    public string? OneOf(string name, params ReadOnlySpan<string> allowed)
    {
        var text = Text(name);
        if (text is null) return null;
        foreach (var choice in allowed)
        {
            if (string.Equals(choice, text, StringComparison.OrdinalIgnoreCase)) return choice;
        }
        Complain(name, text, string.Join(", ", allowed.ToArray()));
        return null;
    }

    /// <summary>An absolute http or https address, its host in ASCII (RFC 5891), as it goes into headers.</summary>
    public Uri? WebAddress(string name, string? fallback)
    {
        var text = Text(name) ?? fallback;
        if (text is null) return null;
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            && uri is { UserInfo: "", Fragment: "" } && uri.Host.Length > 0)
        {
            return WithAsciiHost(uri);
        }
        Complain(name, WithoutPassword(text), "an absolute http:// or https:// address without user name or fragment");
        return null;
    }

    /// <summary>The same address with the host as browsers send it: <c>xn--bcher-kva.example</c> for <c>bücher.example</c>.</summary>
    public static Uri WithAsciiHost(Uri address) =>
        address.HostNameType == UriHostNameType.Dns && address.Host != address.IdnHost ? new UriBuilder(address) { Host = address.IdnHost }.Uri : address;

    /// <summary>An IP address as people write it: not the shortened, octal and hexadecimal forms, by which a typing error is an address too.</summary>
    public static bool TryReadAddress(string text, [NotNullWhen(true)] out IPAddress? address) =>
        IPAddress.TryParse(text, out address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == text);

    public IReadOnlyList<string> List(string name) =>
        Text(name)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Notes that a value is not allowed. Not for secrets: those complain without their value.</summary>
    public void Complain(string name, string value, string allowed) =>
        Complain($"{name} is \"{Printable(value)}\": allowed is {allowed}.");

    private static string WithoutPassword(string address)
    {
        var at = address.LastIndexOf('@');
        var slashes = address.IndexOf("//", StringComparison.Ordinal);
        var start = slashes < 0 ? 0 : slashes + 2;
        var colon = start < at ? address.IndexOf(':', start, at - start) : -1;
        return colon < 0 ? address : $"{address[..colon]}:…{address[at..]}";
    }

    private static string Printable(string value)
    {
        var line = new string([.. value.Select(c => char.IsControl(c) ? '\uFFFD' : c)]);
        return line.Length <= 100 ? line : line[..100] + "…";
    }
}
