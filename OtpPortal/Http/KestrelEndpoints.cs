using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace OtpPortal.Http;

/// <summary>
/// Configures where the portal listens: BIND_ADDRESS, or else all addresses in Production and loopback otherwise.
/// </summary>
internal static class KestrelEndpoints
{
    public static void Configure(KestrelServerOptions kestrel, PortalSettings portal, int port)
    {
        if (portal.BindAddress is not null) kestrel.Listen(portal.BindAddress, port);
        else if (portal.IsProduction) kestrel.ListenAnyIP(port);
        // In Development the mailbox shows all users' codes, so it must not be reachable from other machines.
        else kestrel.ListenLocalhost(port);
    }
}
