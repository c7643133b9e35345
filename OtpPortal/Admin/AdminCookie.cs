using OtpPortal.Http;

namespace OtpPortal.Admin;

/// <summary>The cookie of an administrator's session started with AUTH_SECRET_KEY.</summary>
public sealed class AdminCookie(PortalSettings portal)
{
    private const string Name = "otp_admin";

    /// <summary>Gets the ids in the cookie. A sibling host may have added some.</summary>
    public static IEnumerable<string> Read(HttpRequest request) => CookieHeader.ValuesOf(request, Name).Where(id => id.Length == 43);

    /// <summary>Writes the cookie without a Max-Age, so that it expires with the browser session.</summary>
    public void Write(HttpResponse response, string id) => response.Cookies.Append(Name, id, Options(null));

    public void Clear(HttpResponse response) => response.Cookies.Append(Name, "", Options(TimeSpan.Zero));

    private CookieOptions Options(TimeSpan? maxAge) => new()
    {
        HttpOnly = true,
        // Requests caused by another site, even links, are not authenticated as an administrator.
        SameSite = SameSiteMode.Strict,
        Secure = portal.IsHttps,
        Path = "/",
        MaxAge = maxAge,
    };
}
