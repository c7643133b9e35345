using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace OtpPortal.Http;

/// <summary>Where the portal listens: at BIND_ADDRESS, else on all addresses in Production and on this machine's own otherwise.</summary>
internal static class Listening
{
    public static void Configure(KestrelServerOptions kestrel, PortalSettings portal)
    {
        if (portal.BindAddress is not null) kestrel.Listen(portal.BindAddress, portal.Port);
        else if (portal.IsProduction) kestrel.ListenAnyIP(portal.Port);
        // In Development the mailbox shows everybody's codes: nobody but this machine may see it.
        else kestrel.ListenLocalhost(portal.Port);
    }
}
