using Microsoft.AspNetCore.HttpOverrides;

namespace OtpPortal.Web;

/// <summary>
/// Which X-Forwarded-* headers are believed: the client address and scheme, and only from TRUSTED_PROXIES. Everybody else's are passed over,
/// because whoever can forge an address has no limits. X-Forwarded-Host is never believed: PUBLIC_URL says where the portal is.
/// </summary>
public static class ForwardedAddresses
{
    public static void UseForwardedAddresses(this IApplicationBuilder app, PortalSettings portal)
    {
        if (portal.TrustedProxies.Count == 0) return;
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
}
