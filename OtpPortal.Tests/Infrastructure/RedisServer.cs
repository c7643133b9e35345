using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A real redis-server on a loopback port, without persistence.</summary>
public sealed partial class RedisServer : IDisposable
{
    private const int SigStop = 19;
    private const int SigCont = 18;
    private const int Databases = 2000;

    private static readonly Lazy<RedisServer> s_shared = new(() =>
    {
        var server = Start();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Dispose();
        return server;
    });

    private static int s_nextDatabase;

    private Process? _process;

    private RedisServer(int port) => Port = port;

    /// <summary>Gets the server that most tests share. Each portal has its own databases.</summary>
    public static RedisServer Shared => s_shared.Value;

    public int Port { get; }

    /// <summary>Allocates two unused databases.</summary>
    public static (int Otp, int Auth) NewDatabases()
    {
        var next = Interlocked.Add(ref s_nextDatabase, 2);
        return next < Databases ? (next, next + 1)
            : throw new InvalidOperationException("More databases are needed: raise RedisServer.Databases.");
    }

    public static RedisServer Start()
    {
        var server = new RedisServer(FreePort.Next());
        server.StartAgain();
        return server;
    }

    public string Url(int database) => string.Create(CultureInfo.InvariantCulture, $"redis://127.0.0.1:{Port}/{database}");

    /// <summary>Restarts the server on the same port, without data.</summary>
    public void StartAgain()
    {
        var start = new ProcessStartInfo("redis-server")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])[
            "--port", Text(Port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", Text(Databases),
            "--loglevel", "warning"])
        {
            start.ArgumentList.Add(argument);
        }
        _process = Process.Start(start) ?? throw new InvalidOperationException("redis-server did not start.");
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        // The server loads no data, so it is ready when it listens.
        SpinWait.SpinUntil(Responds, TimeSpan.FromSeconds(60)).ShouldBeTrue("redis-server should listen");
    }

    /// <summary>Kills the server, which simulates a crash.</summary>
    public void Stop()
    {
        if (_process is null) return;
        Continue();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Suspends the server, which keeps its connections open without responding.</summary>
    public void Pause() => Signal(_process!.Id, SigStop).ShouldBe(0);

    public void Continue() => Signal(_process!.Id, SigCont).ShouldBe(0);

    public void Dispose() => Stop();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private bool Responds()
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", Port);
            using var stream = client.GetStream();
            stream.Write("PING\r\n"u8);
            var answer = new byte[7];
            stream.ReadExactly(answer);
            return Encoding.ASCII.GetString(answer) == "+PONG\r\n";
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int Signal(int pid, int signal);
}
