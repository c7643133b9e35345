using OtpPortal.Http;

namespace OtpPortal.Sessions;

/// <summary>The cookie that holds the token: the one place where its attributes are chosen.</summary>
public sealed class TokenCookie(TokenSettings settings, PortalSettings portal)
{
    /// <summary>Gets the values of the cookie; a sibling host may have added some.</summary>
    public IReadOnlyList<string> Read(HttpRequest request) => CookieHeader.ValuesOf(request, settings.CookieName);

    /// <summary>Uses the first token in the cookie that is live. Returns null if none is.</summary>
    public async Task<LiveToken?> UseAsync(HttpRequest request, Func<string, Task<LiveToken?>> use)
    {
        foreach (var value in Read(request))
        {
            if (await use(value) is { } token) return token;
        }
        return null;
    }

    public void Write(HttpResponse response, LiveToken token) =>
        response.Cookies.Append(settings.CookieName, token.Token, Options(token.ExpiresIn));

    public void Clear(HttpResponse response) => response.Cookies.Append(settings.CookieName, "", Options(TimeSpan.Zero));

    /// <summary>The Set-Cookie line that a sign-in gets, without a token.</summary>
    public string Describe() => Options(settings.IdleLifetime < settings.MaxAge ? settings.IdleLifetime : settings.MaxAge)
        .CreateCookieHeader(settings.CookieName, "TOKEN").ToString();

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
