using OtpPortal.Http;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>
/// The cookies of a sign-in on its way. <c>otp_flow</c> binds it to one browser: a code that is read over somebody's shoulder is worth
/// nothing in another one (one that is typed into an attacker's page is, because then the sign-in is the attacker's). So is the link of a
/// mail. A sign-in always gets a new id from us, so that nobody can plant one (session fixation).
/// </summary>
public sealed class FlowCookie(PortalSettings portal, CodeSettings settings)
{
    private const string Flow = "otp_flow";
    private const string Return = "otp_return";

    /// <summary>
    /// Gets the id of this browser's sign-in. Of several, which a sibling host may have set, the first that is open counts.
    /// </summary>
    public static async Task<string?> FindAsync(HttpRequest request, AuthFlow flow)
    {
        var ids = CookieHeader.ValuesOf(request, Flow);
        if (ids.Count <= 1) return ids.SingleOrDefault();
        foreach (var id in ids)
        {
            if (await flow.FindAsync(id) is { Step: SignInStep.Code or SignInStep.Verified }) return id;
        }
        return ids[0];
    }

    /// <summary>
    /// Gets the sign-in that a form names in its field <c>flow</c>, for clients without a cookie jar, or else the one of the cookie. It
    /// does not match when both are there and differ: a page that could make a browser send the field must not finish a sign-in of its own
    /// there (login CSRF).
    /// </summary>
    public static async Task<(bool Matches, string? FlowId)> FindAsync(HttpRequest request, IFormCollection form, AuthFlow flow)
    {
        if (form["flow"].ToString() is not { Length: > 0 } field) return (true, await FindAsync(request, flow));
        var cookies = CookieHeader.ValuesOf(request, Flow);
        return (cookies.All(cookie => cookie.Length == 0) || cookies.Contains(field, StringComparer.Ordinal), field);
    }

    public void Write(HttpResponse response, string flowId) =>
        // It outlives the codes as the record does, so that a late visitor is told what happened.
        response.Cookies.Append(Flow, flowId, Options(settings.CodeExpiry + CodeStore.Linger));

    public void Clear(HttpResponse response) => response.Cookies.Append(Flow, "", Options(TimeSpan.Zero));

    /// <summary>
    /// Where to go after signing in, until the sign-in begins. It is checked again when it is used, so a forged one gains nothing.
    /// </summary>
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
