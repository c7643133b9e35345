using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// The portal as a separate process: <c>dotnet OtpPortal.dll</c> from the build, or the file that PORTAL_DLL names.
/// </summary>
public sealed partial class PortalProcess : IAsyncDisposable
{
    private static readonly string s_solution = Repository.Root;

    private readonly Dictionary<string, string> _settings;
    private readonly string _folder = Directory.CreateTempSubdirectory("otpportal-e2e-").FullName;
    private readonly HttpClient _http;
    private ChildProcess? _process;

    /// <param name="settings">Environment variables. Without REDIS_URL_OTP and REDIS_URL_AUTH, the embedded store is used.</param>
    public PortalProcess(IReadOnlyDictionary<string, string> settings)
    {
        Port = FreePort.Next();
        _settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["PORT"] = $"{Port}",
            ["BIND_ADDRESS"] = "127.0.0.1",
            ["PUBLIC_URL"] = $"http://localhost:{Port}",
            ["DATA_DIR"] = Path.Combine(_folder, "data"),
            // All tests share one client address.
            ["LIMIT_SENDS_PER_IP"] = "100000/900",
        };
        // Overrides the settings of the developer's .env with empty environment variables.
        var file = Path.Combine(s_solution, ".env");
        if (File.Exists(file))
        {
            foreach (Match name in SettingName().Matches(File.ReadAllText(file))) _settings.TryAdd(name.Groups[1].Value, "");
        }
        foreach (var (name, value) in settings) _settings[name] = value;
        Url = _settings["PUBLIC_URL"];
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{Port}") };
        Mailbox = new MailboxClient(_http);
    }

    public int Port { get; }

    /// <summary>Gets PUBLIC_URL, which the browser opens.</summary>
    public string Url { get; }

    public MailboxClient Mailbox { get; }

    /// <summary>Gets the output, for messages of failed tests.</summary>
    public string Log => string.Join('\n', _process?.Lines ?? []);

    /// <summary>Starts the portal on the same port and with the same stores as before.</summary>
    public async Task StartAsync()
    {
        var program = Environment.GetEnvironmentVariable("PORTAL_DLL") ?? FindBuild();
        var process = ChildProcess.Start("dotnet", [program], _folder, _settings);
        _process?.Dispose();
        _process = process;
        await Until.TrueAsync("the portal's start", () => process.HasExited
            ? throw new InvalidOperationException($"The portal ended:\n{Log}")
            : AnswersAsync("/readyz", HttpStatusCode.OK));
    }

    /// <summary>Kills the process: nothing is flushed, no connection is closed cleanly.</summary>
    public Task KillAsync() => _process!.KillAsync();

    /// <summary>Sends SIGTERM and returns immediately.</summary>
    public void Terminate() => _process!.Terminate();

    /// <summary>Waits for the process to exit and returns its exit code.</summary>
    public Task<int> ExitCodeAsync() => _process!.ExitCodeAsync();

    public async Task<bool> AnswersAsync(string path, HttpStatusCode status)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(path, UriKind.Relative));
            return response.StatusCode == status;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Returns whether the port accepts connections.</summary>
    public async Task<bool> ListensAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.KillAsync();
            _process.Dispose();
        }
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // The same configuration and framework as these tests: …/OtpPortal.E2E/bin/Debug/net10.0/
    private static string FindBuild()
    {
        var framework = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(s_solution, "OtpPortal", "bin", framework.Parent!.Name, framework.Name, "OtpPortal.dll");
        return File.Exists(program) ? program : throw new InvalidOperationException($"There is no {program}: build the solution first.");
    }

    [GeneratedRegex(@"^\s*(?:export\s+)?([A-Z0-9_]+)\s*=", RegexOptions.Multiline, 1000)]
    private static partial Regex SettingName();
}
