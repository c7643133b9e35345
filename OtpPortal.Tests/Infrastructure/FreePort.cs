using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Loopback ports that nobody listens on.</summary>
/// <remarks>
/// From below the range that the system takes for outgoing connections (32768 and up on Linux): a port from there may be some connection's
/// own by the time that a server wants it.
/// </remarks>
internal static class FreePort
{
    private const int First = 20_000;
    private const int Count = 12_000;
    private static readonly Lock s_lock = new();

    // Test processes that run at once begin in different places.
    private static int s_next = Environment.ProcessId * 97 % Count;

    /// <summary>A port that this process has not given to anybody else either.</summary>
    public static int Next()
    {
        lock (s_lock)
        {
            while (true)
            {
                var port = First + (s_next++ % Count);
                try
                {
                    using var probe = new TcpListener(IPAddress.Loopback, port);
                    probe.Start();
                    return port;
                }
                catch (SocketException)
                {
                    // Somebody listens there; the next one, then.
                }
            }
        }
    }
}
