using System.Net;
using Microsoft.AspNetCore.HttpOverrides;

namespace OtpPortal.Http;

/// <summary>
/// Applies X-Forwarded-For and X-Forwarded-Proto from TRUSTED_PROXIES. From other peers they are ignored, because a client that
/// can forge its address evades all limits. X-Forwarded-Host is always ignored: PUBLIC_URL is the portal's address.
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
            // Saved before the middleware below applies and removes the headers, for checks of the proxy itself.
            context.Items[s_peer] = context.Connection.RemoteIpAddress;
            context.Items[s_scheme] = context.Request.Headers["X-Forwarded-Proto"] is [{ } scheme] && scheme is "http" or "https"
                ? scheme : null;
            return next(context);
        });
        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            // No limit: processing stops at the first address that is not trusted.
            ForwardLimit = null,
        };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in portal.TrustedProxies) options.KnownIPNetworks.Add(network);
        app.UseForwardedHeaders(options);
    }

    /// <summary>Gets the address of the direct peer, proxy or client.</summary>
    internal static IPAddress? PeerOf(HttpContext context) => context.Items[s_peer] as IPAddress ?? context.Connection.RemoteIpAddress;

    /// <summary>
    /// Gets the X-Forwarded-Proto of the request, or null if it is missing, repeated, or neither http nor https.
    /// </summary>
    internal static string? SchemeOf(HttpContext context) => context.Items[s_scheme] as string;
}
