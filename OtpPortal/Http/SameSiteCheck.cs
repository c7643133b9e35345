namespace OtpPortal.Http;

/// <summary>
/// Rejects state-changing requests and WebSockets from other sites' pages (CSRF, cross-site WebSocket hijacking), detected by
/// <c>Sec-Fetch-Site</c> or else <c>Origin</c> (OWASP CSRF Prevention, Fetch Metadata). API clients send neither header and
/// pass, because they have no cookies to exploit. So do requests with <see cref="CredentialsInHeader"/>.
/// </summary>
public static class SameSiteCheck
{
    public static void UseSameSiteCheck(this IApplicationBuilder app, PortalSettings portal) => app.Use((context, next) =>
    {
        if (IsSafeMethod(context.Request) || IsSameOrigin(context.Request, portal) || CredentialsInHeader.AreSent(context))
        {
            return next(context);
        }
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    });

    private static bool IsSafeMethod(HttpRequest request)
    {
        var isSafe = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method);
        return isSafe && !request.Path.StartsWithSegments("/_blazor", StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsSameOrigin(HttpRequest request, PortalSettings portal)
    {
        // A sibling host of the same domain ("same-site") is untrusted: another party may run it.
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0) return site is "same-origin" or "none";
        // Browsers omit Sec-Fetch-Site on plain HTTP. The origin is then compared with the public address, never with the
        // request's Host, which an attacker's domain that resolves to the portal (DNS rebinding) would match.
        var origin = request.Headers.Origin.ToString();
        return origin.Length == 0 || string.Equals(origin, portal.Origin, StringComparison.OrdinalIgnoreCase);
    }
}
