using System.Globalization;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Sessions;

namespace OtpPortal.SignIn;

/// <summary>Why an app keeps redirecting a signed-in user back to the portal.</summary>
public enum RedirectLoopCause
{
    /// <summary>The cookie is Secure, but the app uses plain HTTP.</summary>
    PlainHttp,

    /// <summary>The app's host does not receive the cookie.</summary>
    OutsideCookieDomain,

    /// <summary>The app's proxy should receive the cookie, but it does not come back to the portal.</summary>
    CookieLost,
}

/// <summary>
/// Detects redirect loops of signed-in users between an app and the portal. The third redirect to the same address within 30
/// seconds shows an explanation instead.
/// </summary>
public sealed class RedirectLoopDetector(PortalSettings portal, TokenSettings tokens, TimeProvider time)
{
    private const string Cookie = "otp_bounce";
    private const int Limit = 3;
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Counts a redirect to <paramref name="target"/>. Returns null if it may proceed, or the likely cause of the loop.
    /// </summary>
    public RedirectLoopCause? Count(HttpContext context, string target)
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

    private RedirectLoopCause CauseFor(Uri target)
    {
        if (portal.IsHttps && target.Scheme == Uri.UriSchemeHttp) return RedirectLoopCause.PlainHttp;
        var reached = tokens.CookieDomain is { } domain
            ? target.Host == domain || target.Host.EndsWith('.' + domain, StringComparison.Ordinal)
            : target.Host == portal.PublicUrl.Host;
        return reached ? RedirectLoopCause.CookieLost : RedirectLoopCause.OutsideCookieDomain;
    }

    private void Write(HttpResponse response, string value, TimeSpan maxAge) => response.Cookies.Append(Cookie, value, new CookieOptions
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = portal.IsHttps,
        MaxAge = maxAge,
    });
}
