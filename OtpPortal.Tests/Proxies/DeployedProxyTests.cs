using System.Diagnostics;
using System.Globalization;
using System.Net;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Proxies;

/// <summary>Tests the proxy of <c>compose.yaml</c>: nginx with <c>deploy/nginx.conf</c>.</summary>
public sealed class DeployedProxyTests
{
    private static readonly (string Name, string Value)[] s_claims =
    [
        ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "app.example.com"),
        ("X-Forwarded-Uri", "/reports"),
        ("X-Forwarded-Method", "PUT"), ("X-Original-URL", "https://app.example.com/reports"), ("X-Original-Method", "PUT"),
    ];

    [Fact]
    public void No_proxy_is_trusted_by_default()
    {
        RepositoryRoot.Read("deploy", "nginx.conf").ShouldNotContain("set_real_ip_from");
        Directives("").ShouldBeEmpty();
        Directives("192.0.2.10, 10.1.0.0/16,2001:db8::/32")
            .ShouldBe("set_real_ip_from 192.0.2.10;\nset_real_ip_from 10.1.0.0/16;\nset_real_ip_from 2001:db8::/32;\n");
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.5")]
    public async Task Forwarded_headers_of_a_client_are_removed(string trusted)
    {
        await using var portal = await RecordingServer.StartAsync();
        await using var nginx = await StartAsync(portal, trusted);
        using var client = new BrowserClient(nginx.Address, IPAddress.Parse("127.0.0.6"));

        await client.GetAsync("/client", s_claims);

        var headers = portal.Requests.Single(request => request.Path == "/client").Headers;
        headers["X-Forwarded-For"].ShouldBe("127.0.0.6");
        headers["X-Forwarded-Proto"].ShouldBe("http");
        foreach (var (name, _) in s_claims.Skip(2)) headers.ContainsKey(name).ShouldBeFalse(name);
    }

    [Fact]
    public async Task Forwarded_headers_of_a_trusted_proxy_are_passed_on()
    {
        await using var portal = await RecordingServer.StartAsync();
        await using var nginx = await StartAsync(portal, "127.0.0.5");
        using var proxy = new BrowserClient(nginx.Address, IPAddress.Parse("127.0.0.5"));

        await proxy.GetAsync("/proxy", s_claims);

        var headers = portal.Requests.Single(request => request.Path == "/proxy").Headers;
        foreach (var (name, value) in s_claims) headers[name].ShouldBe(value, name);
    }

    [Fact]
    public async Task A_forged_address_in_X_Forwarded_For_is_ignored()
    {
        await using var portal = await RecordingServer.StartAsync();
        await using var nginx = await StartAsync(portal, "127.0.0.5");
        using var proxy = new BrowserClient(nginx.Address, IPAddress.Parse("127.0.0.5"));

        await proxy.GetAsync("/proxy", ("X-Forwarded-For", "198.51.100.1, 203.0.113.7"));

        portal.Requests.Single(request => request.Path == "/proxy").Headers["X-Forwarded-For"].ShouldBe("203.0.113.7");
    }

    // Runs the script that the nginx image runs before it starts nginx.
    private static string Directives(string trusted)
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "trusted-proxies.conf");
        var start = new ProcessStartInfo("sh", [Path.Combine(RepositoryRoot.Path, "deploy", "trusted-proxies.sh"), file]);
        start.Environment["TRUSTED_PROXIES"] = trusted;
        using var script = Process.Start(start)!;
        script.WaitForExit();
        script.ExitCode.ShouldBe(0);
        return File.ReadAllText(file);
    }

    private static Task<NginxProcess> StartAsync(RecordingServer portal, string trusted) => NginxProcess.StartAsync((folder, port) =>
    {
        File.WriteAllText(Path.Combine(folder, "trusted-proxies.conf"), Directives(trusted));
        return Replace(RepositoryRoot.Read("deploy", "nginx.conf"),
            ("include /etc/nginx/trusted-proxies.conf;", "include trusted-proxies.conf;"),
            ("resolver 127.0.0.11 valid=2s;", ""),
            ("set $portal portal:3000;", ""),
            ("proxy_pass http://$portal;", $"proxy_pass {portal.Address.GetLeftPart(UriPartial.Authority)};"),
            ("listen 3000;", string.Create(CultureInfo.InvariantCulture, $"listen 127.0.0.1:{port};")),
            ("access_log off;",
                "access_log off; client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; "
                    + "scgi_temp_path temp;"));
    });

    private static string Replace(string text, params IEnumerable<(string What, string With)> changes)
    {
        foreach (var (what, with) in changes)
        {
            text.ShouldContain(what);
            text = text.Replace(what, with, StringComparison.Ordinal);
        }
        return text;
    }

    private sealed class NginxProcess : IAsyncDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly Process _process;

        private NginxProcess(Func<string, int, string> configuration)
        {
            var port = FreePort.Next();
            Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
            var file = Path.Combine(_folder.Path, "nginx.conf");
            File.WriteAllText(file, configuration(_folder.Path, port));
            _process = Process.Start(
                "nginx", ["-p", _folder.Path, "-c", file, "-g", "daemon off; master_process off; pid nginx.pid; error_log stderr error;"]);
        }

        public Uri Address { get; }

        public static async Task<NginxProcess> StartAsync(Func<string, int, string> configuration)
        {
            var nginx = new NginxProcess(configuration);
            using var client = new BrowserClient(nginx.Address);
            await Eventually.BeTrueAsync(async () =>
            {
                if (nginx._process.HasExited) throw new InvalidOperationException($"nginx ended with {nginx._process.ExitCode}.");
                try
                {
                    return (await client.GetAsync("/healthz")).Status == 200;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            });
            return nginx;
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            _process.Dispose();
            _folder.Dispose();
        }
    }
}
