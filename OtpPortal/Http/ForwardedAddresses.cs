using System.Net;
using Microsoft.AspNetCore.HttpOverrides;

namespace OtpPortal.Http;

/// <summary>
/// Which X-Forwarded-* headers are believed: those of TRUSTED_PROXIES alone. Everybody else's are ignored, because whoever can forge an
/// address has no limits. X-Forwarded-Host never changes where the portal is: that is PUBLIC_URL.
/// </summary>
public static class ForwardedAddresses
{
    private static readonly object s_peer = new();
    private static readonly object s_scheme = new();

    public static void UseForwardedAddresses(this IApplicationBuilder app, PortalSettings portal)
    {
        if (portal.TrustedProxies.Count == 0) return;
        app.Use((context, next) =>
        {
            // Kept from before the headers are applied (and removed) below: for questions about the proxy itself.
            context.Items[s_peer] = context.Connection.RemoteIpAddress;
            context.Items[s_scheme] = context.Request.Headers["X-Forwarded-Proto"] is [{ } scheme] && scheme is "http" or "https"
                ? scheme : null;
            return next(context);
        });
        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            // As many hops as there are trusted proxies in a row: the walk stops at the first address that is not trusted.
            ForwardLimit = null,
        };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in portal.TrustedProxies) options.KnownIPNetworks.Add(network);
        app.UseForwardedHeaders(options);
    }

    /// <summary>Who sent the request over the wire, proxy or client.</summary>
    internal static IPAddress? PeerOf(HttpContext context) => context.Items[s_peer] as IPAddress ?? context.Connection.RemoteIpAddress;

    /// <summary>
    /// The one X-Forwarded-Proto of the request, or null when it is missing, doubled or something else than http and https.
    /// </summary>
    internal static string? SchemeOf(HttpContext context) => context.Items[s_scheme] as string;
}
