using System.Net;
using System.Net.Sockets;
using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Reports a port or an address that cannot be used as an error of its setting.</summary>
internal static class PortCheck
{
    /// <summary>Checks that the portal can listen before anything starts: the framework reports a port in use with stack traces.</summary>
    /// <exception cref="SettingsException">PORT or BIND_ADDRESS cannot be used.</exception>
    public static void EnsureAvailable(PortalSettings portal)
    {
        var addresses = portal.BindAddress is { } own ? [own]
            : portal.IsProduction ? (IPAddress[])[Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any]
            : [IPAddress.Loopback, IPAddress.IPv6Loopback];
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
                // Anything else, such as a machine without IPv6, does not keep the portal from starting.
                if (Describe(e.SocketErrorCode, portal) is { } error) throw new SettingsException([error]);
            }
        }
    }

    private static string? Describe(SocketError error, PortalSettings portal) => error switch
    {
        SocketError.AddressAlreadyInUse =>
            $"PORT must be a free port, but another program is using {portal.Port}. Stop it or set another PORT.",
        SocketError.AccessDenied => $"PORT must be 1024 or more, because this user is not allowed to listen on port {portal.Port}.",
        SocketError.AddressNotAvailable when portal.BindAddress is { } address =>
            $"BIND_ADDRESS must be an address of this machine, but is \"{address}\".",
        _ => null,
    };
}
