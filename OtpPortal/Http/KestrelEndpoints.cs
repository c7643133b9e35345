using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace OtpPortal.Http;

/// <summary>
/// Configures where the portal listens: BIND_ADDRESS, or else all addresses in Production and loopback otherwise.
/// </summary>
internal static class KestrelEndpoints
{
    public static void Configure(KestrelServerOptions kestrel, PortalSettings portal)
    {
        if (portal.BindAddress is not null) kestrel.Listen(portal.BindAddress, portal.Port);
        else if (portal.IsProduction) kestrel.ListenAnyIP(portal.Port);
        // In Development the mailbox shows all users' codes, so it must not be reachable from other machines.
        else kestrel.ListenLocalhost(portal.Port);
    }
}
