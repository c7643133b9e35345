using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// A portal that runs with exactly the environment of a deployment. Only what the test machine cannot provide is replaced: the
/// port, and what the caller names, such as hosts and directories.
/// </summary>
internal sealed partial class DeployedPortal : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _log = new();

    private DeployedPortal(IReadOnlyList<string> command, IEnumerable<KeyValuePair<string, string>> environment, string directory)
    {
        var port = FreePort.Next();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        foreach (var (name, value) in environment) start.Environment[name] = value;
        start.Environment["PORT"] = port.ToString(CultureInfo.InvariantCulture);
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Address { get; }

    /// <summary>Gets the output so far.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <summary>Starts the portal and waits until it is ready.</summary>
    public static async Task<DeployedPortal> StartAsync(
        IReadOnlyList<string> command, IEnumerable<KeyValuePair<string, string>> environment, string directory)
    {
        var portal = new DeployedPortal(command, environment, directory);
        try
        {
            using var client = new HttpClient();
            await Eventually.BeTrueAsync(
                async () =>
                {
                    if (portal._process.HasExited) throw new InvalidOperationException(portal.Log);
                    try
                    {
                        return (await client.GetAsync(new Uri(portal.Address, "/readyz"))).IsSuccessStatusCode;
                    }
                    catch (HttpRequestException)
                    {
                        return false;
                    }
                },
                () => portal.Log);
            return portal;
        }
        catch
        {
            portal.Dispose();
            throw;
        }
    }

    /// <summary>Signs a new user in with a code from the mailbox, and returns what <c>/check-auth</c> says about the session.</summary>
    public async Task<Answer> SignInAsync()
    {
        using var browser = new BrowserClient(Address).AsProgram();
        var email = TestUser.New();
        (await browser.PostAsync("/login", ("email", email))).Status.ShouldBe(202, Log);
        var code = await Eventually.GetAsync(async () =>
        {
            var messages = (await browser.GetAsync("/dev/mailbox.json")).Json.EnumerateArray();
            return messages.Where(message => message.GetProperty("to").GetString() == email)
                .Select(message => Code().Match(message.GetProperty("subject").GetString()!).Value).FirstOrDefault();
        });
        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(200);
        var answer = await browser.GetAsync("/check-auth");
        answer.Status.ShouldBe(200);
        answer.Json.GetProperty("email").GetString().ShouldBe(email);
        return answer;
    }

    /// <summary>Sends SIGTERM, as service managers and orchestrators do, and returns the exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    // The end of a stream is reported as a null line.
    private void Note(string? line)
    {
        if (line is null) return;
        lock (_log) _log.AppendLine(line);
    }

    [GeneratedRegex("[0-9]{6}$", RegexOptions.None, 1000)]
    private static partial Regex Code();
}
