using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Allocates unused loopback ports.</summary>
/// <remarks>
/// The ports are below the ephemeral range (32768 and up on Linux), from which the system could assign a port to an
/// outgoing connection before the server binds it. A process reserves them in blocks, by listening on the first port of each, so
/// that another test process does not take one either.
/// </remarks>
internal static class FreePort
{
    private const int First = 20_000;
    private const int End = 32_000;
    private const int BlockSize = 200;
    private static readonly Lock s_lock = new();
    private static readonly List<TcpListener> s_blocks = [];
    private static int s_next;
    private static int s_end;

    /// <summary>Returns an unused port that this process has not returned before.</summary>
    public static int Next()
    {
        lock (s_lock)
        {
            while (true)
            {
                if (s_next == s_end) Reserve();
                using var listener = Listen(s_next++);
                if (listener is not null) return s_next - 1;
            }
        }
    }

    private static void Reserve()
    {
        for (var block = First; block < End; block += BlockSize)
        {
            if (Listen(block) is not { } listener) continue;
            s_blocks.Add(listener);
            (s_next, s_end) = (block + 1, block + BlockSize);
            return;
        }
        throw new InvalidOperationException($"All ports from {First} to {End} are reserved.");
    }

    // Returns null if the port is in use.
    private static TcpListener? Listen(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException)
        {
            listener.Dispose();
            return null;
        }
    }
}
