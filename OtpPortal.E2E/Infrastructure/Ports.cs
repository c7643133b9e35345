using System.Net;
using System.Net.Sockets;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>Ports that nobody listens on.</summary>
internal static class Ports
{
    private static readonly Lock s_lock = new();
    private static readonly HashSet<int> s_taken = [];

    public static int Free()
    {
        lock (s_lock)
        {
            while (true)
            {
                using var probe = new TcpListener(IPAddress.Loopback, 0);
                probe.Start();
                var port = ((IPEndPoint)probe.LocalEndpoint).Port;
                // The system may give the same port again before its first owner listens on it.
                if (s_taken.Add(port)) return port;
            }
        }
    }
}
