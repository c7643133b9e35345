using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using OtpPortal.Configuration;

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

    /// <summary>Tries it out before anything is started: the framework tells of a port in use with stack traces.</summary>
    /// <exception cref="SettingsException">PORT or BIND_ADDRESS cannot be listened at.</exception>
    public static void Demand(PortalSettings portal)
    {
        var addresses = portal.BindAddress is { } own ? [own] : portal.IsProduction ? (IPAddress[])[Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any] : [IPAddress.Loopback, IPAddress.IPv6Loopback];
        foreach (var address in addresses)
        {
            try
            {
                using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                if (address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
                socket.Bind(new IPEndPoint(address, portal.Port));
            }
            catch (SocketException e)
            {
                // What else can be wrong (a machine without IPv6, say) does not keep the portal from starting.
                if (Describe(e.SocketErrorCode, portal) is { } complaint) throw new SettingsException([complaint]);
            }
        }
    }

    private static string? Describe(SocketError error, PortalSettings portal) => error switch
    {
        SocketError.AddressAlreadyInUse => $"PORT is \"{portal.Port}\": another program is using this port; stop it, or set PORT to a free one.",
        SocketError.AccessDenied => $"PORT is \"{portal.Port}\": this user may not listen on this port; allowed is one of 1024 or more.",
        SocketError.AddressNotAvailable when portal.BindAddress is { } address => $"BIND_ADDRESS is \"{address}\": allowed is an address of this machine.",
        _ => null,
    };
}
