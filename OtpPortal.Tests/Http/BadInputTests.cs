using System.Net.Sockets;
using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>Invalid requests get a clear error response and change no state.</summary>
public sealed class BadInputTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Theory]
    [InlineData("/login")]
    [InlineData("/login-otp")]
    [InlineData("/login/finish")]
    [InlineData("/language")]
    public async Task Returns_413_when_the_body_is_too_large(string path)
    {
        var before = portal.Dump().State;

        var answer = await portal.NewBrowser().PostAsync(path, ("email", new string('a', 70_000)));

        answer.Status.ShouldBe(413);
        answer.ContentType.ShouldStartWith("text/html");
        answer.Text.ShouldContain("Request too large");
        portal.Dump().State.ShouldBe(before);
    }

    [Fact]
    public async Task Returns_413_as_JSON_to_API_clients()
    {
        var answer = await portal.NewApiClient().PostAsync("/login", ("email", new string('a', 70_000)));

        answer.Status.ShouldBe(413);
        answer.Json.GetProperty("error").GetString().ShouldBe("too_large");
    }

    [Theory]
    [InlineData("/login", "application/json", """{"email":"ann@example.com"}""")]
    [InlineData("/login", "text/plain", "email=ann@example.com")]
    [InlineData("/login-otp", "application/json", """{"code":"123456"}""")]
    [InlineData("/login/finish", "application/octet-stream", "x")]
    [InlineData("/login", null, "email=ann@example.com")]
    public async Task Returns_415_when_the_body_is_not_a_form(string path, string? type, string body)
    {
        // The signing keys are created in the background after the start.
        await portal.NewBrowser().GetAsync("/api/v2/jwks.json");
        var before = portal.Dump().State;
        foreach (var json in (bool[])[true, false])
        {
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            if (type is not null) content.Headers.TryAddWithoutValidation("Content-Type", type);
            var answer = await (json ? portal.NewApiClient() : portal.NewBrowser()).SendAsync(HttpMethod.Post, path, content);
            answer.Status.ShouldBe(415);
            if (json) answer.Json.GetProperty("error").GetString().ShouldBe("unsupported_media_type");
            else answer.Text.ShouldContain("isn't a form");
        }
        portal.Dump().State.ShouldBe(before);
    }

    [Theory]
    [InlineData("*/*")]
    [InlineData("")]
    public async Task Returns_the_HTML_page_when_the_client_accepts_any_type(string accept)
    {
        var answer = await portal.NewBrowser().SendAsync(
            HttpMethod.Post, "/login", new FormUrlEncodedContent([KeyValuePair.Create("email", "ann")]), ("Accept", accept));

        answer.Status.ShouldBe(400);
        answer.ContentType.ShouldStartWith("text/html");
        answer.Find("#email-error").ShouldNotBeNull().TextContent.ShouldContain("email address in the correct format");
        answer.Find("#email").ShouldNotBeNull().GetAttribute("value").ShouldBe("ann");
    }

    [Fact]
    public async Task An_empty_body_is_treated_as_an_empty_form()
    {
        var page = await portal.NewBrowser().SendAsync(HttpMethod.Post, "/login", null);
        page.Status.ShouldBe(400);
        page.Find("#email-error").ShouldNotBeNull();

        var login = await portal.NewApiClient().SendAsync(HttpMethod.Post, "/login", null);
        (login.Status, login.Json.GetProperty("error").GetString()).ShouldBe((400, "invalid_email"));
        var code = await portal.NewApiClient().SendAsync(HttpMethod.Post, "/login-otp", null);
        (code.Status, code.Json.GetProperty("error").GetString()).ShouldBe((410, "expired"));
    }

    [Fact]
    public async Task Accepts_a_multipart_form()
    {
        var email = TestUser.New();
        using var content = new MultipartFormDataContent { { new StringContent(email), "email" } };

        (await portal.NewApiClient().SendAsync(HttpMethod.Post, "/login", content)).Status.ShouldBe(202);
        await portal.CodeForAsync(email);
    }

    [Fact]
    public async Task Returns_400_when_a_form_has_too_many_fields()
    {
        var answer = await portal.NewBrowser()
            .PostAsync("/login", [.. Enumerable.Range(0, 5000).Select(i => ("f" + i.ToString(null, null), ""))]);

        answer.Status.ShouldBe(400);
        answer.Text.ShouldContain("isn't valid");
    }

    [Fact]
    public async Task Returns_400_when_a_multipart_body_is_truncated()
    {
        using var content = new ByteArrayContent("--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nann@exa"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=x");

        (await portal.NewBrowser().SendAsync(HttpMethod.Post, "/login", content)).Status.ShouldBe(400);
    }

    [Theory]
    [InlineData("HTTP/1.0", null)]
    [InlineData("HTTP/1.1", "")]
    [InlineData("HTTP/1.1", "a..b")]
    [InlineData("HTTP/1.1", "a~b")]
    [InlineData("HTTP/1.1", "a:99999")]
    [InlineData("HTTP/1.1", "xn--a")]
    public async Task Serves_pages_with_a_missing_or_malformed_Host_header(string version, string? host)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(portal.Address.Host, portal.Address.Port);
        await using var stream = client.GetStream();
        var request = $"GET / {version}\r\nAccept: text/html\r\nConnection: close\r\n{(host is null ? "" : $"Host: {host}\r\n")}\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));

        using var reader = new StreamReader(stream);
        var answer = await reader.ReadToEndAsync();

        answer.ShouldStartWith("HTTP/1.1 200 ");
        answer.ShouldContain("action=\"/login\"");
    }

    [Theory]
    [InlineData("/nothing")]
    [InlineData("/admin.php")]
    [InlineData("/login/code/more")]
    [InlineData("/.env")]
    [InlineData("/%00")]
    [InlineData("/..%2f..%2fetc/passwd")]
    [InlineData("/error")]
    public async Task Returns_the_404_page_for_an_unknown_path(string path)
    {
        var answer = await portal.NewBrowser().GetAsync(path);

        answer.Status.ShouldBeOneOf(404, 400);
        if (answer.Status == 404)
        {
            answer.Text.ShouldContain("Page not found");
            answer.Find("a[href='/']").ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task Returns_404_as_JSON_to_API_clients()
    {
        var answer = await portal.NewApiClient().GetAsync("/nothing");

        answer.Status.ShouldBe(404);
        answer.Json.GetProperty("error").GetString().ShouldBe("not_found");
    }

    [Theory]
    [InlineData("GET", "/login", 405)]
    [InlineData("PUT", "/login", 405)]
    [InlineData("DELETE", "/login-otp", 405)]
    [InlineData("POST", "/auth-tokens", 405)]
    [InlineData("POST", "/healthz", 405)]
    public async Task Returns_405_for_an_unsupported_method(string method, string path, int status)
    {
        var answer = await portal.NewApiClient().SendAsync(new HttpMethod(method), path, null);

        answer.Status.ShouldBe(status);
        answer.Json.GetProperty("error").GetString().ShouldBe("method_not_allowed");
    }

    [Fact]
    public async Task A_cookie_from_another_installation_is_refused()
    {
        await using var other = await PortalHost.StartAsync(("AUTH_SECRET_KEY", "another-secret-of-the-tests-9876543210"));
        var theirs = await other.SignInAsync(TestUser.New());
        var browser = portal.NewBrowser();
        foreach (var (name, value) in theirs.Cookies) browser.Cookies[name] = value;

        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
        (await browser.GetAsync("/")).Find("form[action='/login']").ShouldNotBeNull();
    }

    [Fact]
    public async Task The_page_does_not_reveal_the_sign_in_id()
    {
        var browser = portal.NewBrowser();
        var email = TestUser.New();
        await browser.PostAsync("/login", ("email", email));

        var page = await browser.GetAsync("/login/code");

        // The page passes the sign-in id to the circuit in encrypted form.
        page.Body.ShouldNotContain(browser.Cookies["otp_flow"]);
    }

    [Fact]
    public async Task Error_pages_are_localized_and_have_the_security_headers()
    {
        var answer = await portal.NewBrowser().GetAsync("/nothing", ("Accept-Language", "de"));

        answer.Find("html")!.GetAttribute("lang").ShouldBe("de");
        answer.Header("Content-Security-Policy").ShouldNotBeNull().ShouldContain("frame-ancestors 'none'");
        answer.Header("X-Content-Type-Options").ShouldBe("nosniff");
        answer.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
    }

    [Fact]
    public async Task A_very_long_query_string_is_ignored()
    {
        var answer = await portal.NewBrowser().GetAsync("/?return_to=" + new string('a', 5000));

        answer.Status.ShouldBe(200);
        answer.Cookies.ShouldBeEmpty();
    }
}
