using System.Diagnostics;
using System.Runtime.InteropServices;

namespace OtpPortal.Histories.Running;

/// <summary>A server as a child process that the nemesis can kill, pause and restart. Its output goes to a file.</summary>
internal sealed partial class ChildProcess : IDisposable
{
    private const int SigTerm = 15;
    private const int SigCont = 18;
    private const int SigStop = 19;
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(20);

    private readonly ProcessStartInfo _start;
    private readonly Func<Task<bool>> _isReady;
    private readonly StreamWriter _log;
    private Process? _process;

    /// <param name="isReady">Returns whether the server responds.</param>
    public ChildProcess(
        string name, string folder, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment,
        Func<Task<bool>> isReady)
    {
        Name = name;
        _isReady = isReady;
        _log = new StreamWriter(Path.Combine(folder, name.Replace(' ', '-') + ".log")) { AutoFlush = true };
        _start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach (var (key, value) in environment) _start.Environment[key] = value;
    }

    public string Name { get; }

    /// <summary>Starts the server and waits until it responds.</summary>
    public async Task StartAsync()
    {
        _process = Process.Start(_start) ?? throw new InvalidOperationException($"{Name} did not start.");
        _process.OutputDataReceived += (_, line) => Write(line.Data);
        _process.ErrorDataReceived += (_, line) => Write(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await WaitUntilReadyAsync();
    }

    /// <summary>Waits until the server responds.</summary>
    public async Task WaitUntilReadyAsync()
    {
        var start = Stopwatch.GetTimestamp();
        while (!await _isReady())
        {
            if (_process!.HasExited) throw new InvalidOperationException($"{Name} has exited. Its output is in {_start.WorkingDirectory}.");
            if (Stopwatch.GetElapsedTime(start) > s_startTimeout) throw new TimeoutException($"{Name} does not respond.");
            await Task.Delay(s_pollInterval);
        }
    }

    /// <summary>Kills the process: nothing is flushed.</summary>
    public async Task KillAsync()
    {
        if (_process is null) return;
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Sends SIGTERM, and kills the process if it has not exited after ten seconds.</summary>
    public async Task TerminateAsync()
    {
        Signal(_process!.Id, SigTerm);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            // A killed server is a fault like any other.
        }
        await KillAsync();
    }

    public void Pause() => Signal(_process!.Id, SigStop);

    public void Resume() => Signal(_process!.Id, SigCont);

    /// <summary>Gets what the nemesis can do to the server.</summary>
    public IEnumerable<FaultAction> Faults()
    {
        yield return new FaultAction("kill", Name, KillAsync, StartAsync);
        yield return new FaultAction("restart", Name, TerminateAsync, StartAsync);
        yield return new FaultAction("pause", Name, Run(Pause), async () =>
        {
            Resume();
            await WaitUntilReadyAsync();
        });
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process?.Dispose();
        _log.Dispose();
    }

    private static Func<Task> Run(Action action) => () =>
    {
        action();
        return Task.CompletedTask;
    };

    private void Write(string? line)
    {
        if (line is null) return;
        lock (_log)
        {
            if (_log.BaseStream is { CanWrite: true }) _log.WriteLine(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int Signal(int pid, int signal);
}
