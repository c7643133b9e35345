using System.Net.Sockets;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A redis-server that keeps its data across restarts.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private static readonly Dictionary<string, string> s_environment = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("otpportal-redis-").FullName;
    private readonly int _port = FreePort.Next();
    private ChildProcess? _process;

    public string Url(int database) => $"redis://127.0.0.1:{_port}/{database}";

    public async Task StartAsync()
    {
        _process = ChildProcess.Start(
            "redis-server",
            ["--port", $"{_port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--dir", _folder],
            _folder, s_environment);
        await Until.TrueAsync("redis-server", RespondsAsync);
    }

    public async Task StopAsync() => await _process!.KillAsync();

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.KillAsync();
            _process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<bool> RespondsAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", _port);
            var stream = client.GetStream();
            await stream.WriteAsync("PING\r\n"u8.ToArray());
            var answer = new byte[5];
            await stream.ReadExactlyAsync(answer);
            // The server responds with -LOADING while it reads its file.
            return answer.AsSpan().SequenceEqual("+PONG"u8);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}
