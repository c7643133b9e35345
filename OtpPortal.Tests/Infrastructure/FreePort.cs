using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Loopback ports that nobody listens on.</summary>
internal static class FreePort
{
    private static readonly Lock s_lock = new();
    private static readonly HashSet<int> s_given = [];

    /// <summary>A port that this process has not given to anybody else either.</summary>
    public static int Next()
    {
        lock (s_lock)
        {
            while (true)
            {
                using var probe = new TcpListener(IPAddress.Loopback, 0);
                probe.Start();
                var port = ((IPEndPoint)probe.LocalEndpoint).Port;
                if (s_given.Add(port)) return port;
            }
        }
    }
}
