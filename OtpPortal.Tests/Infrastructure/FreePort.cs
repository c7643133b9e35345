using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Allocates unused loopback ports.</summary>
/// <remarks>
/// The ports are below the ephemeral range (32768 and up on Linux), from which the system could assign a port to an
/// outgoing connection before the server binds it.
/// </remarks>
internal static class FreePort
{
    private const int First = 20_000;
    private const int Count = 12_000;
    private static readonly Lock s_lock = new();

    // Concurrent test processes start at different offsets.
    private static int s_next = Environment.ProcessId * 97 % Count;

    /// <summary>Returns an unused port that this process has not returned before.</summary>
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
                    // The port is in use.
                }
            }
        }
    }
}
