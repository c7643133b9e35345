using System.Net;
using System.Net.Sockets;
using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Reports an unusable port or address as an error of its setting.</summary>
internal static class PortCheck
{
    /// <summary>
    /// Checks that the portal can listen, before anything starts: the framework reports a port in use with stack traces.
    /// </summary>
    /// <exception cref="SettingsException">PORT, METRICS_PORT or BIND_ADDRESS cannot be used.</exception>
    public static void EnsureAvailable(PortalSettings portal, TelemetrySettings telemetry)
    {
        EnsureAvailable(portal, "PORT", portal.Port);
        if (telemetry.MetricsPort is { } port) EnsureAvailable(portal, "METRICS_PORT", port);
    }

    private static void EnsureAvailable(PortalSettings portal, string setting, int port)
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
                socket.Bind(new IPEndPoint(address, port));
            }
            catch (SocketException e)
            {
                // Other errors, such as a machine without IPv6, do not prevent startup.
                if (Describe(e.SocketErrorCode, portal, setting, port) is { } error) throw new SettingsException([error]);
            }
        }
    }

    private static string? Describe(SocketError error, PortalSettings portal, string setting, int port) => error switch
    {
        SocketError.AddressAlreadyInUse =>
            $"{setting} must be a free port, but another program is using {port}. Stop it or set another {setting}.",
        SocketError.AccessDenied => $"{setting} must be 1024 or more, because this user is not allowed to listen on port {port}.",
        SocketError.AddressNotAvailable when portal.BindAddress is { } address =>
            $"BIND_ADDRESS must be an address of this machine, but is \"{address}\".",
        _ => null,
    };
}
