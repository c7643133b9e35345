using OtpPortal.OneTimeCodes;
using OtpPortal.Web;

namespace OtpPortal.SignIn;

/// <summary>
/// The cookies of a sign-in on its way. <c>otp_flow</c> binds it to one browser: a code that is read over somebody's shoulder is worth nothing
/// in another one (one that is typed into a stranger's page is, because then the sign-in is the stranger's). So is the link of a mail. A sign-in always gets a new id from us, so that nobody can plant one (session fixation).
/// </summary>
public sealed class FlowCookie(PortalSettings portal, SignInSettings settings)
{
    private const string Flow = "otp_flow";
    private const string Return = "otp_return";

    public static string? Read(HttpRequest request) => request.Cookies[Flow];

    /// <summary>
    /// Gets the sign-in that a form names in its field <c>flow</c>, for clients without a cookie jar, or else the one of the cookie.
    /// False when both are there and differ: a page that could make a browser send the field must not finish a sign-in of its own there
    /// (login CSRF).
    /// </summary>
    public static bool TryRead(HttpRequest request, IFormCollection form, out string? flowId)
    {
        var cookie = Read(request);
        flowId = form["flow"].ToString() is { Length: > 0 } field ? field : cookie;
        return string.IsNullOrEmpty(cookie) || flowId == cookie;
    }

    public void Write(HttpResponse response, string flowId) =>
        // It outlives the codes as the record does, so that a late visitor is told what happened.
        response.Cookies.Append(Flow, flowId, Options(settings.CodeExpiry + CodeStore.Linger));

    public void Clear(HttpResponse response) => response.Cookies.Append(Flow, "", Options(TimeSpan.Zero));

    /// <summary>Where to go after signing in, until the sign-in begins. It is checked again when it is used, so a forged one gains nothing.</summary>
    public static string? ReadReturn(HttpRequest request) => request.Cookies[Return];

    public void WriteReturn(HttpResponse response, string url) => response.Cookies.Append(Return, url, Options(TimeSpan.FromHours(1)));

    public void ClearReturn(HttpRequest request, HttpResponse response)
    {
        if (ReadReturn(request) is not null) response.Cookies.Append(Return, "", Options(TimeSpan.Zero));
    }

    private CookieOptions Options(TimeSpan maxAge) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = portal.IsHttps,
        Path = "/",
        MaxAge = maxAge,
    };
}
