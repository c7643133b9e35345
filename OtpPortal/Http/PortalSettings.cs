using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Settings of the portal's address, name and environment.</summary>
/// <param name="Port">PORT, 1–65535.</param>
/// <param name="BindAddress">BIND_ADDRESS; null listens on loopback in Development and on every address in Production.</param>
/// <param name="PublicUrl">PUBLIC_URL: the address that users see. Never taken from a request's Host, which a client can
/// forge.</param>
/// <param name="AppName">APP_NAME, at most 60 characters.</param>
/// <param name="LogoUrl">LOGO_URL, shown on pages and in messages.</param>
/// <param name="BackgroundUrl">BACKGROUND_URL: an image behind the card of the pages for users.</param>
/// <param name="AccentColor">ACCENT_COLOR as #rrggbb.</param>
/// <param name="Redirects">ALLOWED_REDIRECTS.</param>
/// <param name="TrustedProxies">TRUSTED_PROXIES: the peers whose X-Forwarded-For and X-Forwarded-Proto count.</param>
/// <param name="IsProduction">False in Development.</param>
/// <param name="Debug">DEBUG: detailed errors and logs; rejected in Production.</param>
public sealed partial record PortalSettings(
    int Port,
    IPAddress? BindAddress,
    Uri PublicUrl,
    string AppName,
    Uri? LogoUrl,
    Uri? BackgroundUrl,
    string? AccentColor,
    SafeRedirects Redirects,
    IReadOnlyList<IPNetwork> TrustedProxies,
    bool IsProduction,
    bool Debug) : ISettings<PortalSettings>
{
    /// <summary>Whether users reach the portal over TLS. Cookies are then Secure, and HSTS is sent.</summary>
    public bool IsHttps => PublicUrl.Scheme == Uri.UriSchemeHttps;

    /// <summary>The scheme, host and port of <see cref="PublicUrl"/>, in the form of an Origin header.</summary>
    public string Origin { get; } =
        $"{PublicUrl.Scheme}://{PublicUrl.Host}"
            + (PublicUrl.IsDefaultPort ? "" : ":" + PublicUrl.Port.ToString(CultureInfo.InvariantCulture));

    /// <summary>Returns whether an address is one of TRUSTED_PROXIES.</summary>
    public bool TrustsProxy(IPAddress? address)
    {
        if (address is null) return false;
        var plain = ClientAddress.Plain(address);
        return TrustedProxies.Any(network => network.Contains(plain));
    }

    public static PortalSettings Read(SettingsReader reader)
    {
        var port = reader.Integer("PORT", 3000, 1, 65535);
        var publicUrl = reader.WebAddress("PUBLIC_URL", $"http://localhost:{port}") ?? new Uri("http://localhost");
        if (publicUrl.PathAndQuery != "/")
        {
            reader.AddError("PUBLIC_URL", reader.Text("PUBLIC_URL")!, "a URL without path, such as https://login.example.com");
        }

        IPAddress? bind = null;
        if (reader.Text("BIND_ADDRESS") is { } address && !SettingsReader.TryReadAddress(address, out bind))
        {
            reader.AddError("BIND_ADDRESS", address, "an IP address of this machine, such as 127.0.0.1 or 0.0.0.0");
        }

        var accent = reader.Text("ACCENT_COLOR");
        if (accent is not null && !HexColor().IsMatch(accent)) reader.AddError("ACCENT_COLOR", accent, "a color in the form #rrggbb");

        var debug = reader.Flag("DEBUG");
        if (debug && reader.IsProduction)
        {
            reader.AddError("DEBUG", "true", "false in Production, because detailed errors reveal internals to clients");
        }

        return new PortalSettings(
            port, bind, publicUrl,
            reader.Line("APP_NAME", "OTP Portal", 60),
            reader.WebAddress("LOGO_URL", null),
            reader.WebAddress("BACKGROUND_URL", null),
            accent,
            SafeRedirects.Read(reader),
            ReadProxies(reader),
            reader.IsProduction,
            debug);
    }

    private static List<IPNetwork> ReadProxies(SettingsReader reader)
    {
        var networks = new List<IPNetwork>();
        foreach (var entry in reader.List("TRUSTED_PROXIES"))
        {
            if (IPNetwork.TryParse(entry, out var network)
                && SettingsReader.TryReadAddress(entry[..entry.IndexOf('/', StringComparison.Ordinal)], out _))
                networks.Add(network);
            else if (SettingsReader.TryReadAddress(entry, out var address))
            {
                var plain = ClientAddress.Plain(address);
                networks.Add(new IPNetwork(plain, plain.GetAddressBytes().Length * 8));
            }
            else reader.AddError("TRUSTED_PROXIES", entry, "a comma-separated list of IP addresses and networks such as 10.0.0.0/8");
        }
        return networks;
    }

    [GeneratedRegex("^#[0-9A-Fa-f]{6}$", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex HexColor();
}
