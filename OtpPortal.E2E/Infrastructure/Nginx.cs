using System.Globalization;
using System.Text.RegularExpressions;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// A real nginx with <c>deploy/nginx.conf</c> in front of several portals. Uses the upstream from
/// <c>docs/deployment.md</c> instead of the Docker resolver, and changes only ports, paths and a header for the replica.
/// </summary>
public sealed partial class Nginx(int port, IReadOnlyList<PortalProcess> portals) : IAsyncDisposable
{
    /// <summary>The header with the replicas that nginx tried, in order; the last one responded.</summary>
    public const string ServedBy = "X-Served-By";

    private static readonly Dictionary<string, string> s_environment = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("otpportal-nginx-").FullName;
    private ChildProcess? _process;

    /// <summary>Gets the error log, for example about unavailable replicas.</summary>
    public string Log => string.Join('\n', _process?.Lines ?? []);

    public async Task StartAsync()
    {
        // The worker process can run as another user.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(_folder, File.GetUnixFileMode(_folder) | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        var file = Path.Combine(_folder, "nginx.conf");
        await File.WriteAllTextAsync(file, Configuration());
        var process = ChildProcess.Start(
            "nginx", ["-p", _folder, "-c", file, "-g", "daemon off; pid nginx.pid; error_log stderr warn;"], _folder, s_environment);
        _process = process;
        using var client = new HttpClient();
        await Until.TrueAsync("nginx", async () =>
        {
            if (process.HasExited) throw new InvalidOperationException("nginx ended:\n" + Log);
            try
            {
                using var answer = await client.GetAsync(new Uri($"http://127.0.0.1:{port}/healthz"));
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            // A killed master process would leave its worker running.
            _process.Terminate();
            await _process.ExitCodeAsync();
            _process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    private string Configuration()
    {
        var upstream = Upstream().Match(Repository.Read("docs/deployment.md")).Value;
        foreach (var (name, portal) in ((string[])["10.0.0.11:3000", "10.0.0.12:3000"]).Zip(portals)) upstream =
            Replace(upstream, name, $"127.0.0.1:{portal.Port}");

        var configuration = Repository.Read("deploy/nginx.conf");
        // No proxy is in front of this nginx.
        configuration = Replace(configuration, "include /etc/nginx/trusted-proxies.conf;", "");
        configuration = Replace(configuration, "resolver 127.0.0.11 valid=2s;", "");
        configuration = Replace(configuration, "set $portal portal:3000;", $"add_header {ServedBy} $upstream_addr always;");
        configuration = Replace(configuration, "proxy_pass http://$portal;", "proxy_pass http://portal;");
        configuration = Replace(configuration, "listen 3000;", string.Create(CultureInfo.InvariantCulture, $"listen 127.0.0.1:{port};"));
        return Replace(configuration, "    server {", $$"""
                client_body_temp_path temp;
                proxy_temp_path temp;
                fastcgi_temp_path temp;
                uwsgi_temp_path temp;
                scgi_temp_path temp;
            {{upstream}}
                server {
            """);
    }

    // Fails when the replaced text changes, so that this code is updated too.
    private static string Replace(string text, string what, string with)
    {
        text.ShouldContain(what);
        return text.Replace(what, with, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^upstream portal \{.*?^\}", RegexOptions.Multiline | RegexOptions.Singleline, 1000)]
    private static partial Regex Upstream();
}
