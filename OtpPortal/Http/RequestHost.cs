namespace OtpPortal.Http;

/// <summary>
/// Replaces a missing or invalid Host with the portal's own: Blazor builds a URI from it and fails otherwise (load balancers
/// send HTTP/1.0 requests without Host). The value is not used for links, which start from PUBLIC_URL.
/// </summary>
internal static class RequestHost
{
    public static void UseRequestHost(this IApplicationBuilder app, PortalSettings portal)
    {
        var own = HostString.FromUriComponent(portal.PublicUrl);
        var header = own.ToUriComponent();
        app.Use((context, next) =>
        {
            // Fast path: nearly every request has the portal's own host.
            if (context.Request.Headers.Host != header && !HasHost(context.Request)) context.Request.Host = own;
            return next(context);
        });
    }

    private static bool HasHost(HttpRequest request)
    {
        try
        {
            return Uri.TryCreate($"{Uri.UriSchemeHttp}://{request.Host.ToUriComponent()}/", UriKind.Absolute, out _);
        }
        catch (ArgumentException)
        {
            // The conversion throws for a label that claims to be encoded (xn--) but is not.
            return false;
        }
    }
}
