using System.Globalization;
using System.Text.RegularExpressions;
using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.Sessions;

/// <summary>Settings of tokens, their lifetimes and their cookie.</summary>
/// <param name="Length">AUTH_TOKEN_LENGTH: 32–128 characters of A–Z a–z 0–9 (32 are 190 bits; OWASP requires at least 64).</param>
/// <param name="IdleLifetime">AUTH_TOKEN_EXPIRY: idle lifetime, extended by each use.</param>
/// <param name="MaxAge">AUTH_TOKEN_MAX_AGE: absolute lifetime since sign-in.</param>
/// <param name="RotateAfter">AUTH_TOKEN_ROTATE_AFTER: a check rotates a token after this time since its last rotation.</param>
/// <param name="Grace">AUTH_TOKEN_GRACE: how long a rotated token remains valid.</param>
/// <param name="CookieName">AUTH_TOKEN_COOKIE_NAME.</param>
/// <param name="CookieDomain">COOKIE_DOMAIN; null makes the cookie host-only.</param>
public sealed partial record TokenSettings(
    int Length,
    TimeSpan IdleLifetime,
    TimeSpan MaxAge,
    TimeSpan RotateAfter,
    TimeSpan Grace,
    string CookieName,
    string? CookieDomain) : ISettings<TokenSettings>
{
    private static readonly IdnMapping s_idn = new();

    public static TokenSettings Read(SettingsReader reader)
    {
        var settings = new TokenSettings(
            reader.Integer("AUTH_TOKEN_LENGTH", 32, 32, 128, "characters"),
            reader.Seconds("AUTH_TOKEN_EXPIRY", 604_800, 1, 31_536_000),
            reader.Seconds("AUTH_TOKEN_MAX_AGE", 2_592_000, 1, 31_536_000),
            reader.Seconds("AUTH_TOKEN_ROTATE_AFTER", 60, 0, 86_400),
            reader.Seconds("AUTH_TOKEN_GRACE", 120, 0, 86_400),
            reader.Text("AUTH_TOKEN_COOKIE_NAME", "auth_token"),
            ReadDomain(reader));
        settings.CheckCookie(reader, reader.Get<PortalSettings>());
        return settings;
    }

    // In ASCII, as browsers compare it. A value that cannot be converted is reported unchanged.
    private static string? ReadDomain(SettingsReader reader)
    {
        if (reader.Text("COOKIE_DOMAIN")?.TrimStart('.').ToLowerInvariant() is not { } domain) return null;
        try
        {
            return s_idn.GetAscii(domain);
        }
        catch (ArgumentException)
        {
            return domain;
        }
    }

    private void CheckCookie(SettingsReader reader, PortalSettings portal)
    {
        if (!CookieToken().IsMatch(CookieName))
        {
            reader.AddError("AUTH_TOKEN_COOKIE_NAME", CookieName, "1 to 64 letters, digits and !#$%&'*+-.^_`|~ (RFC 6265)");
        }
        if (CookieName is "otp_flow" or "otp_return" or "otp_lang" or "otp_bounce" or "otp_admin")
        {
            reader.AddError("AUTH_TOKEN_COOKIE_NAME", CookieName, "a name that no other cookie of the portal has");
        }

        // Browsers silently drop a cookie whose prefix does not match its attributes (RFC 6265bis, 4.1.3): no one could sign
        // in.
        var host = CookieName.StartsWith("__Host-", StringComparison.OrdinalIgnoreCase);
        var secure = CookieName.StartsWith("__Secure-", StringComparison.OrdinalIgnoreCase);
        if ((host || secure) && !portal.IsHttps)
        {
            reader.AddError("AUTH_TOKEN_COOKIE_NAME", CookieName, "a name without __Host- or __Secure- unless PUBLIC_URL is https");
        }
        if (host && CookieDomain is not null)
        {
            reader.AddError("AUTH_TOKEN_COOKIE_NAME", CookieName, "a name without __Host- when COOKIE_DOMAIN is set");
        }

        if (CookieDomain is null) return;
        var publicHost = portal.PublicUrl.Host;
        var covers = publicHost == CookieDomain || publicHost.EndsWith('.' + CookieDomain, StringComparison.Ordinal);
        if (!DomainName().IsMatch(CookieDomain) || !covers)
        {
            reader.AddError("COOKIE_DOMAIN", CookieDomain, $"the host of PUBLIC_URL ({publicHost}) or a parent domain of it");
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,64}\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex CookieToken();

    [GeneratedRegex(@"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex DomainName();
}
