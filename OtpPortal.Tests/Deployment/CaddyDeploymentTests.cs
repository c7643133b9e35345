using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Deployment;

/// <summary>Caddy with <c>deploy/Caddyfile</c>, the portal with the settings of <c>deploy/compose.caddy.yaml</c>, and an app.</summary>
public sealed class CaddyDeploymentTests
{
    private const string App = "https://whoami.home.localhost";
    private const string Login = "https://login.home.localhost";

    [Fact]
    public async Task A_user_signs_in_once_over_TLS_and_reaches_the_app()
    {
        var compose = await ComposeFile.EnvironmentOfAsync("deploy/compose.caddy.yaml", "portal", ["APP_NAME=Home"]);
        compose["TRUSTED_PROXIES"].ShouldBe("172.31.215.250");
        await using var portal = await PortalHost.StartInProductionAsync(
            ("PUBLIC_URL", compose["PUBLIC_URL"]), ("COOKIE_DOMAIN", compose["COOKIE_DOMAIN"]),
            ("ALLOWED_REDIRECTS", compose["ALLOWED_REDIRECTS"]), ("TRUSTED_PROXIES", "127.0.0.1"));
        await using var app = await RecordingServer.StartAsync();
        using var caddy = await Caddy.StartAsync(portal.Address.Port, app.Address.Port);
        using var client = caddy.NewClient();
        var email = TestUser.New();

        using var first = await client.GetAsync(App + "/reports?year=2026");
        first.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        first.Headers.Location!.ToString().ShouldBe($"{Login}/?return_to={Uri.EscapeDataString(App + "/reports?year=2026")}");
        using var page = await client.GetAsync(first.Headers.Location);
        page.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var sent = await client.PostAsync(Login + "/login", Form("email", email));
        sent.StatusCode.ShouldBe(HttpStatusCode.SeeOther);
        using var done = await client.PostAsync(Login + "/login-otp", Form("code", await portal.CodeForAsync(email)));
        done.Headers.Location!.ToString().ShouldBe(App + "/reports?year=2026");
        app.Requests.ShouldBeEmpty("nobody was signed in");
        using var request = new HttpRequestMessage(HttpMethod.Get, done.Headers.Location);
        request.Headers.Add("Remote_User", "root@example.com");
        request.Headers.Add("Remote-Groups", "root");
        using var answer = await client.SendAsync(request);

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var headers = app.Requests.Single().Headers;
        headers["Remote-User"].ShouldBe(email);
        headers.Values.ShouldNotContain("root@example.com");
        headers.GetValueOrDefault("Remote-Groups", "").ShouldBe("");
    }

    [Fact]
    public void The_protection_is_that_of_the_tested_example()
    {
        var example = Directives(RepositoryRoot.Read("examples", "caddy", "Caddyfile"));
        example.Count.ShouldBeGreaterThan(10);

        Directives(RepositoryRoot.Read("deploy", "Caddyfile")).ShouldBe(example);
    }

    // The lines that decide which headers reach the portal and the app.
    private static List<string> Directives(string caddyfile) =>
    [
        .. caddyfile.Split('\n').Select(line => line.Trim())
            .Where(line => line.StartsWith('@') || line.Split(' ')[0] is "request_header" or "uri" or "copy_headers"),
    ];

    private static FormUrlEncodedContent Form(string name, string value) => new([KeyValuePair.Create(name, value)]);

    private sealed class Caddy : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly Process _process;
        private readonly int _port = FreePort.Next();

        private Caddy(int portal, int app)
        {
            // Only ports and names that Docker would resolve are replaced, and certificates are not installed on this machine.
            var options = string.Create(
                CultureInfo.InvariantCulture,
                $"{{\nadmin off\nskip_install_trust\nhttp_port {FreePort.Next()}\nhttps_port {_port}\n}}\n");
            var text = options + RepositoryRoot.Read("deploy", "Caddyfile")
                .Replace("portal:3000", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{portal}"), StringComparison.Ordinal)
                .Replace("whoami:80", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{app}"), StringComparison.Ordinal);
            var file = Path.Combine(_folder.Path, "Caddyfile");
            File.WriteAllText(file, text);
            var start = new ProcessStartInfo("caddy", ["run", "--adapter", "caddyfile", "--config", file])
            {
                RedirectStandardError = true,
            };
            start.Environment["DOMAIN"] = "home.localhost";
            start.Environment["XDG_CONFIG_HOME"] = start.Environment["XDG_DATA_HOME"] = _folder.Path;
            _process = Process.Start(start)!;
            _process.ErrorDataReceived += (_, _) => { };
            _process.BeginErrorReadLine();
        }

        private string RootCertificate => Path.Combine(_folder.Path, "caddy", "pki", "authorities", "local", "root.crt");

        public static async Task<Caddy> StartAsync(int portal, int app)
        {
            var caddy = new Caddy(portal, app);
            await Eventually.BeTrueAsync(() => caddy._process.HasExited || File.Exists(caddy.RootCertificate));
            using var client = caddy.NewClient();
            await Eventually.BeTrueAsync(async () =>
            {
                if (caddy._process.HasExited) throw new InvalidOperationException($"Caddy ended with {caddy._process.ExitCode}.");
                try
                {
                    return (await client.GetAsync(Login + "/healthz")).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            });
            return caddy;
        }

        /// <summary>Creates a browser that reaches every host at Caddy and trusts only the certificates that it issues.</summary>
        public HttpClient NewClient()
        {
            var trust = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            trust.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(RootCertificate));
            var client = new HttpClient(new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trust },
                ConnectCallback = async (_, stop) =>
                {
                    var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    await socket.ConnectAsync(IPAddress.Loopback, _port, stop);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            });
            client.DefaultRequestHeaders.Add("Accept", "text/html");
            return client;
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            _folder.Dispose();
        }
    }
}
