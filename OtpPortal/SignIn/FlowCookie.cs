using OtpPortal.Http;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>
/// The cookies of a pending sign-in. <c>otp_flow</c> binds it to one browser, so an observed code or link is useless in any
/// other browser. This does not prevent phishing: a code typed into an attacker's page completes the attacker's sign-in. The
/// portal always generates the id, so it cannot be planted (session fixation).
/// </summary>
public sealed class FlowCookie(PortalSettings portal, CodeSettings settings)
{
    private const string Flow = "otp_flow";
    private const string Return = "otp_return";

    /// <summary>
    /// Gets the id of this browser's sign-in. If a sibling host has set additional cookies, the first one with an open sign-in
    /// is used.
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
    /// Gets the sign-in of a form's <c>flow</c> field, for clients without a cookie jar, or else of the cookie. <c>Matches</c>
    /// is false if both are present and differ: another site could submit the field to complete its own sign-in in the user's
    /// browser (login CSRF).
    /// </summary>
    public static async Task<(bool Matches, string? FlowId)> FindAsync(HttpRequest request, IFormCollection form, AuthFlow flow)
    {
        if (form["flow"].ToString() is not { Length: > 0 } field) return (true, await FindAsync(request, flow));
        var cookies = CookieHeader.ValuesOf(request, Flow);
        return (cookies.All(cookie => cookie.Length == 0) || cookies.Contains(field, StringComparer.Ordinal), field);
    }

    public void Write(HttpResponse response, string flowId) =>
        // Outlives the codes like the record does, so that a late user learns that the code has expired.
        response.Cookies.Append(Flow, flowId, Options(settings.CodeExpiry + CodeStore.Retention));

    public void Clear(HttpResponse response) => response.Cookies.Append(Flow, "", Options(TimeSpan.Zero));

    /// <summary>
    /// Gets the return address, which is kept here until the sign-in begins. It is validated again on use, so forging it gains
    /// nothing.
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
