using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// The portal as a separate process, with settings from the environment and errors on standard error.
/// </summary>
public sealed class PortalProcess : IDisposable
{
    private readonly Process _process;
    private readonly TemporaryFolder _data = new();
    private readonly StringBuilder _errors = new();
    private readonly StringBuilder _output = new();

    private PortalProcess(IReadOnlyList<string> launcher, (string Name, string Value)[] settings)
    {
        var port = FreePort.Next();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        string[] command = [.. launcher, "dotnet", Path.Combine(AppContext.BaseDirectory, "OtpPortal.dll")];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["PORT"] = port.ToString(CultureInfo.InvariantCulture);
        start.Environment["BIND_ADDRESS"] = "127.0.0.1";
        start.Environment["PUBLIC_URL"] = Address.GetLeftPart(UriPartial.Authority);
        start.Environment["AUTH_SECRET_KEY"] = PortalHost.Secret;
        // Databases are limited, and a portal with an embedded store needs none.
        if (!settings.Any(setting => setting.Name == "REDIS_URL_OTP"))
        {
            var (otp, auth) = RedisServer.NewDatabases();
            start.Environment["REDIS_URL_OTP"] = RedisServer.Shared.Url(otp);
            start.Environment["REDIS_URL_AUTH"] = RedisServer.Shared.Url(auth);
        }
        start.Environment["MAIL_TRANSPORT"] = "mailbox";
        start.Environment["DATA_DIR"] = _data.Path;
        foreach (var (name, value) in settings) start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, line) => Note(_errors, line.Data);
        _process.OutputDataReceived += (_, line) => Note(_output, line.Data);
        _process.Start();
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public Uri Address { get; }

    public int Id => _process.Id;

    /// <summary>Gets the standard output so far.</summary>
    public string Output => Text(_output);

    /// <summary>Gets the output so far.</summary>
    public string Log => Text(_output) + Text(_errors);

    /// <summary>Starts the portal and waits until it serves requests.</summary>
    public static Task<PortalProcess> StartAsync(params (string Name, string Value)[] settings) => StartAsync([], settings);

    /// <summary>Starts the portal through a launcher that replaces itself, and waits until it serves requests.</summary>
    public static async Task<PortalProcess> StartAsync(IReadOnlyList<string> launcher, params (string Name, string Value)[] settings)
    {
        var portal = new PortalProcess(launcher, settings);
        using var client = new HttpClient();
        await Eventually.BeTrueAsync(async () =>
        {
            if (portal._process.HasExited) throw new InvalidOperationException(portal.Log);
            try
            {
                return (await client.GetAsync(new Uri(portal.Address, "/healthz"))).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        return portal;
    }

    /// <summary>Starts the portal with invalid settings and returns its exit code and output.</summary>
    public static Task<(int Code, string Output, string Errors)> FailAsync(params (string Name, string Value)[] settings) =>
        FailAsync([], settings);

    /// <summary>Starts the portal through a launcher with invalid settings and returns its exit code and output.</summary>
    public static async Task<(int Code, string Output, string Errors)> FailAsync(
        IReadOnlyList<string> launcher, params (string Name, string Value)[] settings)
    {
        using var portal = new PortalProcess(launcher, settings);
        await Eventually.BeTrueAsync(() => portal._process.HasExited);
        await portal._process.WaitForExitAsync();
        return (portal._process.ExitCode, Text(portal._output), Text(portal._errors));
    }

    /// <summary>Runs a command of the program with the same settings and returns its exit code and output.</summary>
    public async Task<(int Code, string Output)> CommandAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "OtpPortal.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in _process.StartInfo.Environment) start.Environment[name] = value;
        using var command = Process.Start(start)!;
        var (output, errors) = (command.StandardOutput.ReadToEndAsync(), command.StandardError.ReadToEndAsync());
        await command.WaitForExitAsync();
        return (command.ExitCode, (await output + await errors).Trim());
    }

    /// <summary>Kills the process like the out-of-memory killer: nothing is flushed, no connection is closed.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Sends SIGTERM, as service managers do, and returns the exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", Id.ToString(CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync();
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _data.Dispose();
    }

    // The end of a stream is reported as a null line.
    private static void Note(StringBuilder notes, string? line)
    {
        if (line is null) return;
        lock (notes) notes.AppendLine(line);
    }

    private static string Text(StringBuilder notes)
    {
        lock (notes) return notes.ToString();
    }
}
