using OtpPortal.Web;

namespace OtpPortal.Admin;

/// <summary>The cookie of a session that the secret key opened.</summary>
public sealed class AdminCookie(PortalSettings portal)
{
    private const string Name = "otp_admin";

    public static string? Read(HttpRequest request) => request.Cookies[Name] is { Length: 43 } id ? id : null;

    /// <summary>Without an age: it goes with the browser's window.</summary>
    public void Write(HttpResponse response, string id) => response.Cookies.Append(Name, id, Options(null));

    public void Clear(HttpResponse response) => response.Cookies.Append(Name, "", Options(TimeSpan.Zero));

    private CookieOptions Options(TimeSpan? maxAge) => new()
    {
        HttpOnly = true,
        // Nothing that another site makes a browser do arrives here as an administrator, not even a link.
        SameSite = SameSiteMode.Strict,
        Secure = portal.IsHttps,
        Path = "/",
        MaxAge = maxAge,
    };
}
