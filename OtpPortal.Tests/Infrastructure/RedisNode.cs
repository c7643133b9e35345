using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using OtpPortal.Storage;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A redis-server process that is a part of a cluster or of a set-up with sentinels.</summary>
internal sealed partial class RedisNode : IDisposable
{
    private const int SigStop = 19;
    private const int SigCont = 18;

    private readonly string[] _arguments;
    private readonly string? _password;
    private Process? _process;

    private RedisNode(RedisProtection? protection, params IEnumerable<string> arguments)
    {
        Port = FreePort.Next();
        PortalPort = protection is null ? Port : FreePort.Next();
        _password = protection is null ? null : RedisProtection.Password;
        _arguments =
        [
            .. arguments, "--port", Text(Port), "--bind", "127.0.0.1", "--loglevel", "warning",
            .. protection?.Arguments(PortalPort) ?? [],
        ];
        Start();
    }

    /// <summary>Starts a server without persistence.</summary>
    /// <param name="folder">An existing folder for its files.</param>
    public static RedisNode StartServer(string folder, RedisProtection? protection, params IEnumerable<string> arguments) =>
        new(protection,
            ["--save", "", "--appendonly", "no", "--dir", folder, "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
                .. protection is null ? [] : (string[])["--masterauth", RedisProtection.Password], .. arguments]);

    /// <summary>Starts a sentinel.</summary>
    /// <param name="configuration">The path of its configuration, which it changes.</param>
    public static RedisNode StartSentinel(string configuration, RedisProtection? protection) =>
        new(protection, configuration, "--sentinel");

    /// <summary>The port of the tests, always without TLS.</summary>
    public int Port { get; }

    /// <summary>The port of the portal and of the other servers, with TLS if the server has a certificate.</summary>
    public int PortalPort { get; }

    public IPEndPoint EndPoint => new(IPAddress.Loopback, Port);

    public bool IsRunning => _process is not null;

    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Starts the process without waiting for it.</summary>
    public void Start()
    {
        var start = new ProcessStartInfo("redis-server") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in _arguments) start.ArgumentList.Add(argument);
        _process = Process.Start(start) ?? throw new InvalidOperationException("redis-server did not start.");
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Kills the process, which simulates a crash.</summary>
    public void Kill()
    {
        if (_process is null) return;
        Continue();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Suspends the process, which keeps its connections open without responding.</summary>
    public void Pause() => Signal(_process!.Id, SigStop).ShouldBe(0);

    public void Continue() => Signal(_process!.Id, SigCont).ShouldBe(0);

    /// <summary>Sends a command and returns its response.</summary>
    public async Task<RespReply> AskAsync(params string[] command)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var address = new RedisAddress(EndPoint, _password, Tls: false, Database: 0);
        using var connection = await RespConnection.OpenAsync(EndPoint, address, timeout.Token);
        return await connection.SendAsync(command, timeout.Token);
    }

    /// <summary>Sends a command that must succeed and returns its response.</summary>
    public async Task<string> TellAsync(params string[] command)
    {
        var reply = await AskAsync(command);
        return reply.IsError ? throw new InvalidOperationException($"{string.Join(' ', command)}: {reply.Text}") : reply.Text;
    }

    /// <summary>Returns whether the process responds to PING.</summary>
    public async Task<bool> RespondsAsync() => await TryAskAsync("PING") is { Text: "PONG" };

    /// <summary>Returns whether the server responds and is a primary.</summary>
    public async Task<bool> IsPrimaryAsync() => (await TryAskAsync("INFO", "replication"))?.Field("role") == "master";

    /// <summary>Returns whether the server responds and is a replica.</summary>
    public async Task<bool> IsReplicaAsync() => (await TryAskAsync("INFO", "replication"))?.Field("role") == "slave";

    /// <summary>Returns the number of calls of a command since the last CONFIG RESETSTAT.</summary>
    public async Task<IReadOnlyDictionary<string, long>> CallsAsync() =>
        (await TellAsync("INFO", "commandstats")).Split('\n')
            .Select(line => line.Trim())
            .Where(line => line.StartsWith("cmdstat_", StringComparison.Ordinal))
            .Select(line => line["cmdstat_".Length..].Split([':', '=', ','], 4))
            .ToDictionary(parts => parts[0], parts => long.Parse(parts[2], CultureInfo.InvariantCulture), StringComparer.Ordinal);

    public void Dispose() => Kill();

    // A server also closes its connections when its role changes.
    private async Task<RespReply?> TryAskAsync(params string[] command)
    {
        try
        {
            return await AskAsync(command);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int Signal(int pid, int signal);
}
