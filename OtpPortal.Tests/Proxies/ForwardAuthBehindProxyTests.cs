using System.Net.WebSockets;
using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Proxies;

/// <summary>Tests the configurations in <c>examples/</c> with real proxies.</summary>
public sealed class ForwardAuthBehindProxyTests
{
    [Theory]
    [InlineData("nginx")]
    [InlineData("caddy")]
    [InlineData("haproxy")]
    public async Task A_user_returns_to_the_requested_page_after_signing_in(string proxy)
    {
        await using var app = await ProtectedApp.StartAsync(proxy);
        var email = TestUser.New();

        var first = await app.NewBrowser().GetAsync("/reports/a%20b?year=2026&month=11");
        first.Status.ShouldBe(302);
        var toPortal = new Uri(first.Location.ShouldNotBeNull());
        toPortal.GetLeftPart(UriPartial.Authority).ShouldBe(app.Portal.Address.GetLeftPart(UriPartial.Authority));
        var browser = app.Portal.NewBrowser();
        (await browser.GetAsync(toPortal.PathAndQuery)).Status.ShouldBe(200);
        (await browser.PostAsync("/login", ("email", email))).Status.ShouldBe(303);
        var done = await browser.PostAsync("/login-otp", ("code", await app.Portal.CodeForAsync(email)));

        done.Location.ShouldBe($"{app.Address.GetLeftPart(UriPartial.Authority)}/reports/a%20b?year=2026&month=11");
        var page = await app.NewBrowser(browser).GetAsync(new Uri(done.Location!).PathAndQuery);
        page.Status.ShouldBe(200);
        page.Json.GetProperty("path").GetString().ShouldBe("/reports/a%20b?year=2026&month=11");
        page.Json.GetProperty("user").GetString().ShouldBe(email);
        page.Json.GetProperty("email").GetString().ShouldBe(email);
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("caddy")]
    [InlineData("haproxy")]
    public async Task Forged_identity_and_forwarded_headers_are_ignored(string proxy)
    {
        await using var app = await ProtectedApp.StartAsync(proxy);
        var email = TestUser.New();
        var signedIn = app.NewBrowser(await app.Portal.SignInAsync(email));
        (string, string)[] forged = [("Remote-User", "root@example.com"), ("X-Auth-Request-Email", "root@example.com")];

        (await app.NewBrowser().GetAsync("/", [.. forged, ("Accept", "application/json")])).Status.ShouldBe(401);
        var page = await signedIn.GetAsync("/", forged);
        page.Json.GetProperty("user").GetString().ShouldBe(email);
        page.Json.GetProperty("email").GetString().ShouldBe(email);

        var redirected = await app.NewBrowser()
            .GetAsync("/x", ("X-Forwarded-Host", "evil.example.org"), ("X-Original-URL", "https://evil.example.org/"));
        (redirected.Location ?? "").ShouldNotContain("evil");
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("caddy")]
    [InlineData("haproxy")]
    public async Task Form_and_script_requests_get_401_instead_of_a_redirect(string proxy)
    {
        await using var app = await ProtectedApp.StartAsync(proxy);
        var browser = app.NewBrowser();

        (await browser.PostAsync("/form", ("a", "b"))).Status.ShouldBe(401);
        (await browser.GetAsync("/data", ("X-Requested-With", "XMLHttpRequest"))).Status.ShouldBe(401);
        (await browser.GetAsync("/data", ("Accept", "application/json"))).Status.ShouldBe(401);
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("caddy")]
    [InlineData("haproxy")]
    public async Task Form_submissions_of_a_signed_in_user_reach_the_app(string proxy)
    {
        await using var app = await ProtectedApp.StartAsync(proxy);
        var browser = app.NewBrowser(await app.Portal.SignInAsync(TestUser.New()));
        // These headers match the origin of the app, which for the portal is another site.
        browser.Headers["Origin"] = app.Address.GetLeftPart(UriPartial.Authority);
        browser.Headers["Sec-Fetch-Site"] = "same-origin";

        (await browser.PostAsync("/form", ("a", "b"))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("caddy")]
    [InlineData("haproxy")]
    public async Task A_WebSocket_connects_only_for_a_signed_in_user(string proxy)
    {
        await using var app = await ProtectedApp.StartAsync(proxy);
        var browser = await app.Portal.SignInAsync(TestUser.New());
        var address = new UriBuilder(app.Address) { Scheme = "ws", Path = "/socket" }.Uri;

        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Cookie", $"auth_token={browser.Cookies["auth_token"]}");
        socket.Options.SetRequestHeader("Origin", app.Address.GetLeftPart(UriPartial.Authority));
        await socket.ConnectAsync(address, CancellationToken.None);
        await socket.SendAsync(Encoding.UTF8.GetBytes("hello"), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        var buffer = new byte[100];
        var received = await socket.ReceiveAsync(buffer, CancellationToken.None);
        Encoding.UTF8.GetString(buffer, 0, received.Count).ShouldBe("hello");

        using var stranger = new ClientWebSocket();
        await Should.ThrowAsync<WebSocketException>(() => stranger.ConnectAsync(address, CancellationToken.None));
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("caddy")]
    [InlineData("haproxy")]
    public async Task Forty_concurrent_requests_succeed_and_a_revocation_takes_effect_immediately(string proxy)
    {
        await using var app = await ProtectedApp.StartAsync(proxy);
        var atPortal = await app.Portal.SignInAsync(TestUser.New());
        var browser = app.NewBrowser(atPortal);

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => browser.GetAsync($"/asset{i}.js", ("Accept", "*/*"))));
        answers.Select(answer => answer.Status).ShouldAllBe(status => status == 200);
        (await browser.GetAsync("/")).Status.ShouldBe(200);

        await atPortal.PostAsync("/logout");
        (await browser.GetAsync("/asset.js", ("Accept", "*/*"))).Status.ShouldBe(401);
        (await browser.GetAsync("/")).Status.ShouldBe(302);
    }
}
