using OtpPortal.Web;

namespace OtpPortal.Tokens;

/// <summary>The cookie that holds the token: the one place where its attributes are chosen.</summary>
public sealed class TokenCookie(TokenSettings settings, PortalSettings portal)
{
    public string? Read(HttpRequest request) => request.Cookies[settings.CookieName];

    public void Write(HttpResponse response, LiveToken token) =>
        response.Cookies.Append(settings.CookieName, token.Token, Options(token.ExpiresIn));

    public void Clear(HttpResponse response) => response.Cookies.Append(settings.CookieName, "", Options(TimeSpan.Zero));

    /// <summary>The Set-Cookie line that a sign-in gets, without a token.</summary>
    public string Describe() => Options(settings.IdleLifetime < settings.MaxAge ? settings.IdleLifetime : settings.MaxAge).CreateCookieHeader(settings.CookieName, "TOKEN").ToString();

    private CookieOptions Options(TimeSpan maxAge) => new()
    {
        // Scripts cannot read it (theft by XSS), other sites' forms cannot send it (CSRF), and over TLS it is never sent in the clear.
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = portal.IsHttps,
        Path = "/",
        Domain = settings.CookieDomain,
        MaxAge = TimeSpan.FromSeconds(Math.Floor(maxAge.TotalSeconds)),
    };
}
