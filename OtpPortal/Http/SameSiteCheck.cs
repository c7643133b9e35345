namespace OtpPortal.Http;

/// <summary>
/// Refuses what another site's page makes a browser do (CSRF, cross-site WebSocket hijacking): state-changing requests and WebSockets whose
/// <c>Sec-Fetch-Site</c>, or else <c>Origin</c>, is not the portal's own (OWASP CSRF Prevention, Fetch Metadata). Programs send neither and
/// pass: they have no cookies that another site could use. So do requests with <see cref="CredentialsInHeader"/>.
/// </summary>
public static class SameSiteCheck
{
    public static void UseSameSiteCheck(this IApplicationBuilder app, PortalSettings portal) => app.Use(async (context, next) =>
    {
        if (IsHarmless(context.Request) || IsOwn(context.Request, portal) || CredentialsInHeader.AreSent(context)) await next(context);
        else context.Response.StatusCode = StatusCodes.Status403Forbidden;
    });

    private static bool IsHarmless(HttpRequest request)
    {
        var isSafe = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method);
        return isSafe && !request.Path.StartsWithSegments("/_blazor", StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsOwn(HttpRequest request, PortalSettings portal)
    {
        // A sibling on the same domain ("same-site") is another site to us: it may be anybody's.
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0) return site is "same-origin" or "none";
        // Browsers leave Sec-Fetch-Site out on plain http: then the origin must be the public address itself, never the request's Host,
        // which a name that resolves to us (DNS rebinding) would match.
        var origin = request.Headers.Origin.ToString();
        return origin.Length == 0 || string.Equals(origin, portal.Origin, StringComparison.OrdinalIgnoreCase);
    }
}
