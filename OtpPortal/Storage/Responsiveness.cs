using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Storage;

/// <summary>Detects servers that keep their connections open without responding.</summary>
/// <remarks>
/// This client version has no timeout for asynchronous calls, and an unresponsive server must not block requests. Closing the
/// connection fails all pending calls, but under heavy load a response is late rather than lost. A connection is therefore
/// lost only if a second one gets no response either, or gets one while the first still does not.
/// </remarks>
internal static class Responsiveness
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_suspicionDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_halfOpenTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Returns whether a primary to which a connection exists does not respond to it.</summary>
    public static async Task<bool> IsLostAsync(Link link, CancellationToken stop)
    {
        if (!link.Connection.IsConnected) return false;
        var servers = link.Topology.IsCluster ? link.Topology.Primaries.Where(link.IsConnectedTo) : link.Topology.Primaries;
        return (await Task.WhenAll(servers.Select(server => IsLostAsync(link.PingAsync(server), server, stop)))).Contains(true);
    }

    private static async Task<bool> IsLostAsync(Task pong, EndPoint server, CancellationToken stop)
    {
        if (await CompletesAsync(pong, s_suspicionDelay, stop)) return false;
        var serverAnswers = await AnswersOnAnotherConnectionAsync(server, stop);
        return !await CompletesAsync(pong, serverAnswers ? s_halfOpenTimeout : TimeSpan.Zero, stop);
    }

    /// <summary>
    /// Returns whether the server responds on a new connection. Any response counts: without the password it is an error.
    /// </summary>
    private static async Task<bool> AnswersOnAnotherConnectionAsync(EndPoint server, CancellationToken stop)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timeout.CancelAfter(s_timeout);
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(server, timeout.Token);
            await socket.SendAsync("PING\r\n"u8.ToArray(), timeout.Token);
            await socket.ReceiveAsync(new byte[64], timeout.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    // Waits in short steps: if the thread pool is starved, each step is delayed as much as the response is.
    private static async Task<bool> CompletesAsync(Task pong, TimeSpan within, CancellationToken stop)
    {
        for (var waited = TimeSpan.Zero; !pong.IsCompleted && waited <= within; waited += s_step)
        {
            await Task.WhenAny(pong, Task.Delay(s_step, stop));
        }
        return pong.IsCompleted;
    }
}
