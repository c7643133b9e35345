using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Proxies;

/// <summary>Tests <c>examples/</c> with a WSGI app, which reads <c>Remote_User</c> as <c>Remote-User</c>.</summary>
public sealed class IdentityHeaderTests
{
    private const string Forged = "root@example.com";

    private static readonly string[] s_identityHeaders =
    [
        "Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups",
        "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username",
    ];

    public static TheoryData<string> Proxies => ["nginx", "caddy", "haproxy"];

    [Theory]
    [MemberData(nameof(Proxies))]
    public async Task No_spelling_of_a_forged_identity_header_reaches_the_app(string name)
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1"), ("TRUSTED_PROXIES", "127.0.0.1"));
        using var app = new WsgiApp();
        await using var proxy = await ExampleProxy.StartAsync(name, portal.Address.Port, app.Port);
        var email = TestUser.New();
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];

        foreach (var header in s_identityHeaders)
        {
            string[] request = [
                "GET / HTTP/1.1", $"Host: {proxy.Address.Authority}", "Accept: application/json",
                .. Spellings(header).Select(spelling => $"{spelling}: {Forged}")];

            (await RawHttp.SendAsync(proxy.Address, request)).Status.ShouldBe(401, header);
            var seen = await WsgiApp.ReadAsync(proxy.Address, [.. request, $"Cookie: auth_token={token}"]);
            seen.Values.ShouldAllBe(value => !value.Contains(Forged, StringComparison.Ordinal), header);
            ShouldIdentify(seen, email);
        }
    }

    [Theory]
    [MemberData(nameof(Proxies))]
    public async Task A_client_cannot_remove_identity_headers_through_the_Connection_header(string name)
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1"), ("TRUSTED_PROXIES", "127.0.0.1"));
        using var app = new WsgiApp();
        await using var proxy = await ExampleProxy.StartAsync(name, portal.Address.Port, app.Port);
        var email = TestUser.New();
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];

        var seen = await WsgiApp.ReadAsync(
            proxy.Address,
            ["GET / HTTP/1.1", $"Host: {proxy.Address.Authority}", $"Connection: close, {string.Join(", ", s_identityHeaders)}",
                $"Cookie: auth_token={token}", $"Remote-User: {Forged}"]);

        ShouldIdentify(seen, email);
        seen.GetValueOrDefault("HTTP_CONNECTION", "").ShouldNotContain("Remote");
    }

    [Theory]
    [MemberData(nameof(Proxies))]
    public async Task Only_WebSocket_upgrades_are_forwarded(string name)
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1"), ("TRUSTED_PROXIES", "127.0.0.1"));
        using var app = new WsgiApp();
        await using var proxy = await ExampleProxy.StartAsync(name, portal.Address.Port, app.Port);
        var token = (await portal.SignInAsync(TestUser.New())).Cookies["auth_token"];

        // After an upgrade to h2c, further requests would bypass the check.
        var seen = await WsgiApp.ReadAsync(
            proxy.Address,
            ["GET / HTTP/1.1", $"Host: {proxy.Address.Authority}", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA", $"Cookie: auth_token={token}"]);

        seen.ShouldNotContainKey("HTTP_UPGRADE");
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    [InlineData("caddy")]
    public async Task The_proxy_overwrites_the_URL_and_method_headers_of_the_client(string name)
    {
        await using var portal = await RecordingServer.StartAsync();
        portal.AlwaysAnswer(401, "");
        using var app = new WsgiApp();
        await using var proxy = await ExampleProxy.StartAsync(name, portal.Address.Port, app.Port);
        var before = portal.Requests.Count;

        await RawHttp.SendAsync(
            proxy.Address,
            [
                "PUT /reports?year=2026 HTTP/1.1", $"Host: {proxy.Address.Authority}", "Accept: application/json", "Content-Length: 0",
                "X-Original-URL: http://localhost:1/", "X-Original-Method: GET", "X-Forwarded-Method: GET", "X-Forwarded-Host: localhost:1",
                "X-Forwarded-Uri: /", "X-Forwarded-For: 203.0.113.7",
            ]);

        var asked = portal.Requests.Skip(before).ToList();
        asked.ShouldNotBeEmpty();
        foreach (var headers in asked.Select(request => request.Headers))
        {
            var address = headers.TryGetValue("X-Original-URL", out var original)
                ? original : $"{headers["X-Forwarded-Proto"]}://{headers["X-Forwarded-Host"]}{headers["X-Forwarded-Uri"]}";
            address.ShouldBe($"{proxy.Address.GetLeftPart(UriPartial.Authority)}/reports?year=2026");
            headers["X-Forwarded-Method"].ShouldBe("PUT");
            headers["X-Forwarded-For"].ShouldBe("127.0.0.1");
            // The portal responds with 401 when both are present and contradict each other.
            (headers.ContainsKey("X-Original-URL") && headers.ContainsKey("X-Forwarded-Uri")).ShouldBeFalse();
        }
    }

    [Theory]
    [InlineData("nginx", "GET http://localhost:1/ HTTP/1.1", "127.0.0.1")]
    [InlineData("nginx", "GET http://127.0.0.1/ HTTP/1.1", "localhost:1")]
    [InlineData("nginx", "GET / HTTP/1.1", "localhost:1")]
    [InlineData("haproxy", "GET http://localhost:1/ HTTP/1.1", "127.0.0.1")]
    [InlineData("haproxy", "GET / HTTP/1.1", "localhost:1")]
    [InlineData("caddy", "GET http://localhost:1/ HTTP/1.1", "127.0.0.1")]
    [InlineData("caddy", "GET / HTTP/1.1", "localhost:1")]
    public async Task The_return_target_is_on_the_server_that_responds(string name, string requestLine, string host)
    {
        await using var portal =
            await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1,localhost"), ("TRUSTED_PROXIES", "127.0.0.1"));
        using var app = new WsgiApp();
        await using var proxy = await ExampleProxy.StartAsync(name, portal.Address.Port, app.Port);

        var (status, head, body) = await RawHttp.SendAsync(proxy.Address, [requestLine, $"Host: {host}", "Accept: text/html"]);

        // Caddy serves only the configured hosts, and HAProxy rejects contradictory ones.
        if (name == "nginx") status.ShouldBe(302);
        head.ShouldNotContain("localhost%3A1");
        body.ShouldNotContain("HTTP_HOST", customMessage: "the app was reached");
    }

    [Theory]
    [MemberData(nameof(Proxies))]
    public async Task Access_is_denied_while_the_portal_is_unavailable(string name)
    {
        using var app = new WsgiApp();
        await using var proxy = await ExampleProxy.StartAsync(name, FreePort.Next(), app.Port);

        var (status, _, body) = await RawHttp.SendAsync(
            proxy.Address, ["GET / HTTP/1.1", $"Host: {proxy.Address.Authority}", "Cookie: auth_token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);

        status.ShouldBeGreaterThanOrEqualTo(500);
        body.ShouldNotContain("HTTP_HOST");
    }

    [Fact]
    public void Traefik_removes_every_spelling_before_forward_auth()
    {
        var lines = RepositoryRoot.Read("examples", "traefik", "dynamic.yml").Split('\n').Select(line => line.Trim()).ToList();

        // Traefik compares header names case-insensitively.
        foreach (var name in s_identityHeaders.SelectMany(Separators)) lines.ShouldContain($"{name}: \"\"");
        foreach (var name in s_identityHeaders) lines.ShouldContain("- " + name);
        lines.ShouldContain("X-Original-URL: \"\"");
        lines.IndexOf("- client-identity").ShouldBeInRange(0, lines.IndexOf("- otp-portal") - 1);
    }

    private static void ShouldIdentify(Dictionary<string, string> seen, string email)
    {
        seen["HTTP_REMOTE_USER"].ShouldBe(email);
        seen["HTTP_REMOTE_EMAIL"].ShouldBe(email);
        seen["HTTP_X_AUTH_REQUEST_USER"].ShouldBe(email);
        seen["HTTP_X_AUTH_REQUEST_EMAIL"].ShouldBe(email);
        foreach (var name in (string[])[
            "HTTP_REMOTE_NAME", "HTTP_REMOTE_GROUPS", "HTTP_X_AUTH_REQUEST_GROUPS", "HTTP_X_AUTH_REQUEST_PREFERRED_USERNAME"])
        {
            seen.GetValueOrDefault(name, "").ShouldBe("", name);
        }
    }

    // All combinations of dashes and underscores in three cases, each twice, and with dots, which PHP reads as underscores.
    private static IEnumerable<string> Spellings(string header)
    {
        string[] names = [.. Separators(header), header.Replace('-', '.')];
        return names.Concat(names.Select(name => name.ToUpperInvariant())).Concat(names.Select(name => name.ToLowerInvariant()))
            .Append(header).Append(header.Replace('-', '_'));
    }

    private static IEnumerable<string> Separators(string header)
    {
        IEnumerable<string> names = [""];
        foreach (var part in header.Split('-'))
        {
            names = names.SelectMany(name => name.Length == 0 ? [part] : new[] { $"{name}-{part}", $"{name}_{part}" });
        }
        return names;
    }

    private sealed class WsgiApp : IDisposable
    {
        private readonly Process _process;

        public WsgiApp()
        {
            Port = FreePort.Next();
            _process = Process.Start(
                "/usr/bin/python3",
                [Path.Combine(RepositoryRoot.Path, "OtpPortal.Tests", "Proxies", "headers_app.py"),
                    Port.ToString(CultureInfo.InvariantCulture)]);
        }

        public int Port { get; }

        /// <summary>Sends a request that must reach the app. Returns the headers that the app read.</summary>
        public static async Task<Dictionary<string, string>> ReadAsync(Uri proxy, IEnumerable<string> request)
        {
            // The app may still be starting up.
            var answer = await Eventually.GetAsync(
                async () => await RawHttp.SendAsync(proxy, request) is { Status: not (502 or 503) } got
                    ? Tuple.Create(got.Status, got.Body) : null);
            answer.Item1.ShouldBe(200, answer.Item2);
            return JsonSerializer.Deserialize<Dictionary<string, string>>(answer.Item2)!;
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
