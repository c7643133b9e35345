using OtpPortal.Http;

namespace OtpPortal.Admin;

/// <summary>The cookie of a session that the secret key opened.</summary>
public sealed class AdminCookie(PortalSettings portal)
{
    private const string Name = "otp_admin";

    /// <summary>Gets the ids in the cookie; a sibling host may have added some.</summary>
    public static IEnumerable<string> Read(HttpRequest request) => CookieHeader.ValuesOf(request, Name).Where(id => id.Length == 43);

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
