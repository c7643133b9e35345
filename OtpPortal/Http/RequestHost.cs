namespace OtpPortal.Http;

/// <summary>
/// Sees to it that pages can be drawn whatever a request says of its host: the page framework makes an address of it, and fails where there
/// is none (HTTP/1.0, as load balancers ask) or none that is an address. It leads nowhere: every link starts from PUBLIC_URL.
/// </summary>
internal static class RequestHost
{
    public static void UseRequestHost(this IApplicationBuilder app, PortalSettings portal)
    {
        var own = HostString.FromUriComponent(portal.PublicUrl);
        var header = own.ToUriComponent();
        app.Use((context, next) =>
        {
            // Nearly every request names the portal's own, which needs no looking at.
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
            // Asking is enough: a label says of itself that it is encoded (xn--), and is not.
            return false;
        }
    }
}
