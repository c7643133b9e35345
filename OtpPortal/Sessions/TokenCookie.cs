using OtpPortal.Http;

namespace OtpPortal.Sessions;

/// <summary>The cookie that holds the token. All of its attributes are set here.</summary>
public sealed class TokenCookie(TokenSettings settings, PortalSettings portal)
{
    /// <summary>Gets the values of the cookie. A sibling host may have added some.</summary>
    public IReadOnlyList<string> Read(HttpRequest request) => CookieHeader.ValuesOf(request, settings.CookieName);

    /// <summary>Validates the values of the cookie until one is a live token. Returns null if none is.</summary>
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

    /// <summary>Returns the Set-Cookie attributes of a sign-in, without a token.</summary>
    public string Describe() => Options(settings.IdleLifetime < settings.MaxAge ? settings.IdleLifetime : settings.MaxAge)
        .CreateCookieHeader(settings.CookieName, "TOKEN").ToString();

    private CookieOptions Options(TimeSpan maxAge) => new()
    {
        // HttpOnly prevents theft by XSS, SameSite prevents CSRF by forms, and Secure prevents sending it in plaintext.
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = portal.IsHttps,
        Path = "/",
        Domain = settings.CookieDomain,
        MaxAge = TimeSpan.FromSeconds(Math.Floor(maxAge.TotalSeconds)),
    };
}
