using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>The portal as a program of its own, started as an operator starts it: settings from the environment, complaints on standard error.</summary>
public sealed class PortalProcess : IDisposable
{
    private readonly Process _process;
    private readonly TemporaryFolder _data = new();
    private readonly StringBuilder _errors = new();
    private readonly StringBuilder _output = new();

    private PortalProcess((string Name, string Value)[] settings)
    {
        var port = FreePort.Next();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        var (otp, auth) = RedisServer.NewDatabases();
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "OtpPortal.dll"));
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["PORT"] = port.ToString(CultureInfo.InvariantCulture);
        start.Environment["BIND_ADDRESS"] = "127.0.0.1";
        start.Environment["PUBLIC_URL"] = Address.GetLeftPart(UriPartial.Authority);
        start.Environment["AUTH_SECRET_KEY"] = PortalHost.Secret;
        start.Environment["REDIS_URL_OTP"] = RedisServer.Shared.Url(otp);
        start.Environment["REDIS_URL_AUTH"] = RedisServer.Shared.Url(auth);
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

    /// <summary>Starts it and waits until it serves.</summary>
    public static async Task<PortalProcess> StartAsync(params (string Name, string Value)[] settings)
    {
        var portal = new PortalProcess(settings);
        using var client = new HttpClient();
        await Eventually.BeTrueAsync(async () =>
        {
            if (portal._process.HasExited) throw new InvalidOperationException(Text(portal._errors));
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

    /// <summary>Starts it with settings that it cannot work with: its exit code and what it says.</summary>
    public static async Task<(int Code, string Output, string Errors)> FailAsync(params (string Name, string Value)[] settings)
    {
        using var portal = new PortalProcess(settings);
        await Eventually.BeTrueAsync(() => portal._process.HasExited);
        await portal._process.WaitForExitAsync();
        return (portal._process.ExitCode, Text(portal._output), Text(portal._errors));
    }

    /// <summary>Runs the program once more, for a command, with the settings of this one: its exit code and what it says.</summary>
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

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _data.Dispose();
    }

    // The end of a stream is told as a line that is null.
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
