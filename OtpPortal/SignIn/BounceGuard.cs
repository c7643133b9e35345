using System.Globalization;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Sessions;

namespace OtpPortal.SignIn;

/// <summary>Why an app keeps sending somebody back who is signed in.</summary>
public enum BounceCause
{
    /// <summary>The cookie is Secure, and the app is on plain http.</summary>
    PlainHttp,

    /// <summary>The app's host is not one that the cookie is sent to.</summary>
    OutsideCookieDomain,

    /// <summary>The cookie should reach the app's proxy, and does not come back to the portal.</summary>
    CookieLost,
}

/// <summary>
/// Notices when a signed-in visitor is sent to and fro between an app and the portal: the third time in 30 seconds for the same address is
/// explained on a page instead of going on for ever.
/// </summary>
public sealed class BounceGuard(PortalSettings portal, TokenSettings tokens, TimeProvider time)
{
    private const string Cookie = "otp_bounce";
    private const int Limit = 3;
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Counts a visitor being sent back to <paramref name="target"/>. Null lets them go; else it is a loop, and this is its likely cause.
    /// </summary>
    public BounceCause? Count(HttpContext context, string target)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var name = Digest.Of(target)[..16];
        var (count, start) = Read(context.Request.Cookies[Cookie], name, now);
        if (++count < Limit)
        {
            Write(context.Response, string.Create(CultureInfo.InvariantCulture, $"{name}.{count}.{start}"), s_window);
            return null;
        }
        Write(context.Response, "", TimeSpan.Zero);
        return CauseFor(new Uri(target));
    }

    private static (int Count, long Start) Read(string? cookie, string name, long now) =>
        cookie?.Split('.') is [var target, var count, var start] && target == name
        && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var c)
        && long.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out var s)
        && now - s < s_window.TotalSeconds
            ? (c, s)
            : (0, now);

    private BounceCause CauseFor(Uri target)
    {
        if (portal.IsHttps && target.Scheme == Uri.UriSchemeHttp) return BounceCause.PlainHttp;
        var reached = tokens.CookieDomain is { } domain
            ? target.Host == domain || target.Host.EndsWith('.' + domain, StringComparison.Ordinal)
            : target.Host == portal.PublicUrl.Host;
        return reached ? BounceCause.CookieLost : BounceCause.OutsideCookieDomain;
    }

    private void Write(HttpResponse response, string value, TimeSpan maxAge) => response.Cookies.Append(Cookie, value, new CookieOptions
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = portal.IsHttps,
        MaxAge = maxAge,
    });
}
