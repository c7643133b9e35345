using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OtpPortal.Bench;

/// <summary>
/// A fake SMTP server (RFC 5321) that accepts the portal's mail. It responds 450 to recipients at <see cref="Busy"/>, and never
/// responds to those at <see cref="Slow"/>.
/// </summary>
internal sealed class FakeSmtp : IAsyncDisposable
{
    public const string Busy = "busy.example";
    public const string Slow = "slow.example";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _arrivals = new(StringComparer.Ordinal);
    private readonly Task _serving;

    public FakeSmtp()
    {
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Returns a task that completes when mail to the address has arrived.</summary>
    public Task Arrival(string address) => Slot(address).Task;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true) _ = TalkAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The measurement has ended.
        }
    }

    private async Task TalkAsync(TcpClient client)
    {
        using var _ = client;
        try
        {
            await using var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII);
            await using var writer = new StreamWriter(stream, Encoding.ASCII) { NewLine = "\r\n", AutoFlush = true };
            await writer.WriteLineAsync("220 bench");
            var recipient = "";
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                if (line.StartsWith("RCPT TO:", StringComparison.OrdinalIgnoreCase))
                {
                    recipient = line["RCPT TO:".Length..].Trim('<', '>', ' ');
                    if (recipient.EndsWith("@" + Slow, StringComparison.Ordinal)) await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);
                    await writer.WriteLineAsync(recipient.EndsWith("@" + Busy, StringComparison.Ordinal) ? "450 try later" : "250 OK");
                }
                else if (line.Equals("DATA", StringComparison.OrdinalIgnoreCase))
                {
                    await writer.WriteLineAsync("354 go on");
                    while (await reader.ReadLineAsync(_stop.Token) is not ("." or null))
                    {
                    }
                    Slot(recipient).TrySetResult();
                    await writer.WriteLineAsync("250 OK");
                }
                else if (line.StartsWith("QUIT", StringComparison.OrdinalIgnoreCase))
                {
                    await writer.WriteLineAsync("221 bye");
                    return;
                }
                else await writer.WriteLineAsync("250 OK");
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The portal closed the connection, or the measurement has ended.
        }
    }

    private TaskCompletionSource Slot(string address) =>
        _arrivals.GetOrAdd(address, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
