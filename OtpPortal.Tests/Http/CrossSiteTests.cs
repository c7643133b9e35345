using System.Net.WebSockets;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>Protection against cross-site request forgery.</summary>
public sealed class CrossSiteTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static readonly string[] s_posts = [
        "/login", "/login-otp", "/login/link", "/login/resend", "/login/finish", "/logout", "/logout/others", "/logout/everywhere",
        "/language"];

    /// <summary>Gets every form endpoint with every header that identifies a cross-site request.</summary>
    public static TheoryData<string, string, string> CrossSitePosts
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var path in s_posts)
            {
                data.Add(path, "Sec-Fetch-Site", "cross-site");
                data.Add(path, "Sec-Fetch-Site", "same-site");
                data.Add(path, "Origin", "https://evil.example");
                data.Add(path, "Origin", "null");
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(CrossSitePosts))]
    public async Task A_cross_site_form_post_is_refused(string path, string header, string value)
    {
        var browser = await portal.SignInAsync(TestUser.New());
        await browser.PostAsync("/login", ("email", TestUser.New()));
        var before = portal.Dump().State;

        browser.Headers[header] = value;
        var answer = await browser.PostAsync(path, ("email", TestUser.New()), ("code", "123456"), ("lang", "de"));

        answer.Status.ShouldBe(403);
        answer.Cookies.ShouldBeEmpty();
        answer.Text.ShouldContain(
            portal.Address.GetLeftPart(UriPartial.Authority), Case.Sensitive, "it says where the portal's own pages are");
        portal.Dump().State.ShouldBe(before);
    }

    [Theory]
    [InlineData("POST", "/api/otp/verification1")]
    [InlineData("PUT", "/api/otp")]
    [InlineData("DELETE", "/api/otp/verification1/status")]
    [InlineData("POST", "/api/providers")]
    public async Task The_gateway_refuses_cross_site_requests_with_its_own_error_format(string method, string path)
    {
        var answer = await portal.NewApiClient()
            .SendAsync(new HttpMethod(method), path, null, ("Sec-Fetch-Site", "cross-site"), ("Accept", "text/html"));

        answer.Status.ShouldBe(403);
        answer.Json.GetProperty("status").GetString().ShouldBe("error");
        answer.Json.GetProperty("message").GetString().ShouldNotBeNullOrEmpty();
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "same-origin")]
    [InlineData("Sec-Fetch-Site", "none")]
    [InlineData("Origin", "PORTAL")]
    public async Task A_same_origin_form_post_is_accepted(string header, string value)
    {
        var browser = portal.NewBrowser();
        browser.Headers[header] = value == "PORTAL" ? portal.Address.GetLeftPart(UriPartial.Authority) : value;

        (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(303);
    }

    [Fact]
    public async Task Sec_Fetch_Site_takes_precedence_over_Origin()
    {
        var browser = portal.NewBrowser();
        browser.Headers["Origin"] = portal.Address.GetLeftPart(UriPartial.Authority);
        browser.Headers["Sec-Fetch-Site"] = "cross-site";

        (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_DNS_rebinding_host_is_treated_as_cross_site()
    {
        var browser = portal.NewBrowser();
        browser.Headers["Host"] = "rebound.evil.example";
        browser.Headers["Origin"] = "http://rebound.evil.example";

        (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_cross_site_link_opens_the_page() =>
        (await portal.NewBrowser().GetAsync("/", ("Sec-Fetch-Site", "cross-site"))).Status.ShouldBe(200);

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Origin", "https://evil.example")]
    public async Task Cross_site_requests_are_accepted_by_endpoints_that_use_header_credentials(string header, string value)
    {
        var program = portal.NewApiClient();

        (await program.SendAsync(
            HttpMethod.Delete, "/auth-tokens?email=ann@example.com", null, ("Authorization", $"Bearer {PortalHost.Secret}"),
            (header, value))).Status.ShouldBe(204);
        (await program.SendAsync(
            HttpMethod.Delete, "/auth-tokens?email=ann@example.com", null, ("Authorization", "Bearer wrong"), (header, value))).Status
            .ShouldBe(403);
    }

    [Theory]
    [InlineData("/logout", "Authorization", "Basic dXNlcjpwYXNz")]
    [InlineData("/login-otp", "Authorization", "Bearer something")]
    [InlineData("/login", "X-API-KEY", "something")]
    public async Task Header_credentials_do_not_allow_cross_site_form_posts(string path, string header, string value)
    {
        var browser = await portal.SignInAsync(TestUser.New());
        browser.Headers["Sec-Fetch-Site"] = "cross-site";
        browser.Headers[header] = value;

        (await browser.PostAsync(path, ("email", TestUser.New()), ("code", "123456"))).Status.ShouldBe(403);
    }

    [Theory]
    [InlineData("Origin", "https://evil.example", false)]
    [InlineData("Origin", "null", false)]
    [InlineData("Sec-Fetch-Site", "cross-site", false)]
    [InlineData("Origin", "PORTAL", true)]
    public async Task A_WebSocket_is_accepted_only_from_the_same_origin(string header, string value, bool opens)
    {
        var origin = portal.Address.GetLeftPart(UriPartial.Authority);
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader(header, value == "PORTAL" ? origin : value);
        socket.Options.CollectHttpResponseDetails = true;
        var target = new UriBuilder(portal.Address) { Scheme = "ws", Path = "/_blazor" }.Uri;

        if (opens)
        {
            await socket.ConnectAsync(target, CancellationToken.None);
            socket.State.ShouldBe(WebSocketState.Open);
        }
        else
        {
            await Should.ThrowAsync<WebSocketException>(() => socket.ConnectAsync(target, CancellationToken.None));
            ((int)socket.HttpStatusCode).ShouldBe(403);
        }
    }
}
