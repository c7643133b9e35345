using System.Text.Json;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A real SMTP server (Python's aiosmtpd) that records all messages.</summary>
public sealed class SmtpServer : IAsyncDisposable
{
    private static readonly Dictionary<string, string> s_environment = [];
    private ChildProcess? _process;

    public int Port { get; } = FreePort.Next();

    public async Task StartAsync()
    {
        var python = FindPython();
        var process = ChildProcess.Start(
            python, [Path.Combine(AppContext.BaseDirectory, "Infrastructure", "smtp_server.py"), $"{Port}"], Path.GetTempPath(),
            s_environment);
        _process = process;
        await Until.TrueAsync("the SMTP server", () => process.HasExited
            ? throw new InvalidOperationException("The SMTP server ended:\n" + string.Join('\n', process.Lines))
            : Task.FromResult(process.Lines.Contains("ready", StringComparer.Ordinal)));
    }

    public Task<Mail> MailToAsync(string address) => Until.NotNullAsync($"mail to {address}", () => Task.FromResult(
        _process!.Lines.Where(line => line.StartsWith('{')).Select(line => JsonSerializer.Deserialize<Mail>(line)!)
            .FirstOrDefault(mail => mail.To == address)));

    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        await _process.KillAsync();
        _process.Dispose();
    }

    // The Debian package works only with the Python of Debian, which may not be the first in PATH.
    private static string FindPython()
    {
        foreach (var python in (string[])["/usr/bin/python3", "python3"])
        {
            using var probe = ChildProcess.Start(python, ["-c", "import aiosmtpd; print('found')"], Path.GetTempPath(), s_environment);
            probe.WaitForExit();
            if (probe.Lines.Contains("found", StringComparer.Ordinal)) return python;
        }
        throw new InvalidOperationException("Python's aiosmtpd is not installed (apt install python3-aiosmtpd).");
    }
}
