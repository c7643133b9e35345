using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

/// <summary>Tests <c>GET /forward-auth</c>, which reverse proxies call.</summary>
public sealed class ForwardAuthTests(ForwardAuthTests.BehindProxy behind) : IClassFixture<ForwardAuthTests.BehindProxy>
{
    private static readonly (string, string)[] s_navigation =
    [
        ("Accept", "text/html,application/xhtml+xml"), ("X-Forwarded-Method", "GET"), ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "app.example.com"), ("X-Forwarded-Uri", "/reports?year=2026&month=11"),
    ];

    private PortalHost Portal => behind.Portal;

    [Fact]
    public async Task Returns_both_sets_of_identity_headers_for_a_signed_in_user()
    {
        var email = TestUser.New();
        var browser = await Portal.SignInAsync(email);

        var answer = await browser.GetAsync("/forward-auth", s_navigation);

        answer.Status.ShouldBe(200);
        answer.Header("Remote-User").ShouldBe(email);
        answer.Header("Remote-Email").ShouldBe(email);
        answer.Header("X-Auth-Request-User").ShouldBe(email);
        answer.Header("X-Auth-Request-Email").ShouldBe(email);
        // Sent empty, so that a proxy that copies these headers overwrites those of the client.
        answer.Header("Remote-Name").ShouldBe("");
        answer.Header("Remote-Groups").ShouldBe("");
        answer.Header("X-Auth-Request-Groups").ShouldBe("");
        answer.Header("X-Auth-Request-Preferred-Username").ShouldBe("");
        answer.Header("Cache-Control").ShouldBe("no-store");
    }

    [Fact]
    public async Task The_token_is_never_rotated()
    {
        var browser = await Portal.SignInAsync(TestUser.New());
        var token = browser.Cookies["auth_token"];

        for (var i = 0; i < 3; i++)
        {
            Portal.Clock.Advance(TimeSpan.FromMinutes(5));
            var answer = await browser.GetAsync("/forward-auth");
            answer.Status.ShouldBe(200);
            answer.Cookies.ShouldBeEmpty();
        }
        browser.Cookies["auth_token"].ShouldBe(token);
    }

    [Fact]
    public async Task Each_request_extends_the_idle_lifetime()
    {
        var browser = await Portal.SignInAsync(TestUser.New());

        for (var day = 0; day < 20; day += 5)
        {
            Portal.Clock.Advance(TimeSpan.FromDays(5));
            (await browser.GetAsync("/forward-auth")).Status.ShouldBe(200);
        }
        Portal.Clock.Advance(TimeSpan.FromDays(7));
        (await browser.GetAsync("/forward-auth")).Status.ShouldBe(401);
    }

    [Fact]
    public async Task An_unauthenticated_page_request_redirects_to_the_portal_with_return_to()
    {
        var answer = await Portal.NewBrowser().GetAsync("/forward-auth", s_navigation);

        answer.Status.ShouldBe(302);
        answer.Location.ShouldBe(
            $"{Portal.Address.GetLeftPart(UriPartial.Authority)}/?return_to="
                + "https%3A%2F%2Fapp.example.com%2Freports%3Fyear%3D2026%26month%3D11");
    }

    [Fact]
    public async Task The_return_target_is_taken_from_X_Original_URL()
    {
        var answer = await Portal.NewBrowser()
            .GetAsync("/forward-auth", ("Accept", "text/html"), ("X-Original-URL", "https://app.example.com/a?b=c"));

        answer.Status.ShouldBe(302);
        answer.Location.ShouldNotBeNull().ShouldEndWith("/?return_to=https%3A%2F%2Fapp.example.com%2Fa%3Fb%3Dc");
    }

    /// <summary>Changes to a page navigation that turn the redirect into a 401.</summary>
    public static TheoryData<string, string, string> NonNavigations => new()
    {
        { "a form", "X-Forwarded-Method", "POST" },
        { "an image", "Accept", "image/png" },
        { "a script's request", "X-Requested-With", "XMLHttpRequest" },
        { "a script's request, by what the browser says", "Sec-Fetch-Mode", "cors" },
        { "a WebSocket", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==" },
        { "a host that is not allowed", "X-Forwarded-Host", "evil.example.org" },
        { "a host with a user name", "X-Forwarded-Host", "app.example.com@evil.example.org" },
        { "an address that is none", "X-Original-URL", "//app.example.com/" },
        { "plain http", "X-Forwarded-Proto", "http" },
        { "no scheme", "X-Forwarded-Proto", "javascript" },
        { "two schemes", "X-Forwarded-Proto", "https,http" },
        { "a path that is none", "X-Forwarded-Uri", "@evil.example.org/" },
    };

    [Theory]
    [MemberData(nameof(NonNavigations))]
    public async Task Returns_401_for_anything_but_a_page_of_an_allowed_app(string what, string header, string value)
    {
        var answer = await Portal.NewBrowser()
            .GetAsync("/forward-auth", [.. s_navigation.Where(other => other.Item1 != header), (header, value)]);

        answer.Status.ShouldBe(401, what);
        answer.Location.ShouldBeNull();
        answer.Header("WWW-Authenticate").ShouldBe("Bearer");
    }

    [Fact]
    public async Task Returns_401_instead_of_a_redirect_with_redirect_never()
    {
        (await Portal.NewBrowser().GetAsync("/forward-auth?redirect=never", s_navigation)).Status.ShouldBe(401);
    }

    [Theory]
    [InlineData("Remote-User")]
    [InlineData("Remote-Email")]
    [InlineData("Remote-Groups")]
    [InlineData("X-Auth-Request-User")]
    [InlineData("X-Auth-Request-Email")]
    [InlineData("X-Forwarded-User")]
    public async Task A_forged_identity_header_is_refused(string header)
    {
        var answer = await Portal.NewBrowser().GetAsync("/forward-auth", (header, "root@example.com"));

        answer.Status.ShouldBe(401);
        answer.Header(header).ShouldBeNull();
    }

    [Fact]
    public async Task A_forged_identity_header_does_not_replace_the_real_identity()
    {
        var email = TestUser.New();
        var browser = await Portal.SignInAsync(email);

        (await browser.GetAsync("/forward-auth", ("Remote-User", "root@example.com"))).Header("Remote-User").ShouldBe(email);
    }

    [Fact]
    public async Task Forwarded_headers_of_an_untrusted_proxy_are_ignored()
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "app.example.com"));

        (await portal.NewBrowser().GetAsync("/forward-auth", s_navigation)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task X_Original_URL_is_accepted_only_from_TRUSTED_PROXIES()
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "app.example.com"), ("TRUSTED_PROXIES", "127.0.0.5"));
        (string, string)[] asked = [("Accept", "text/html"), ("X-Original-URL", "https://app.example.com/a")];

        (await portal.NewBrowser(System.Net.IPAddress.Parse("127.0.0.5")).GetAsync("/forward-auth", asked)).Status.ShouldBe(302);
        (await portal.NewBrowser(System.Net.IPAddress.Parse("127.0.0.6")).GetAsync("/forward-auth", asked)).Status.ShouldBe(401);
    }

    [Theory]
    [InlineData("https://app.example.com/reports?year=2026&month=11", 302)]
    [InlineData("https://app.example.com/other", 401)]
    [InlineData("", 401)]
    public async Task Returns_401_when_X_Original_URL_contradicts_the_forwarded_headers(string original, int status)
    {
        // Caddy and Traefik forward X-Original-URL unchanged from the client.
        (await Portal.NewBrowser().GetAsync("/forward-auth", [.. s_navigation, ("X-Original-URL", original)])).Status.ShouldBe(status);
    }

    [Fact]
    public async Task A_revoked_session_is_refused_immediately()
    {
        var browser = await Portal.SignInAsync(TestUser.New());
        (await browser.GetAsync("/forward-auth")).Status.ShouldBe(200);

        await browser.PostAsync("/logout");

        (await browser.GetAsync("/forward-auth")).Status.ShouldBe(401);
    }

    [Fact]
    public async Task The_third_redirect_within_30_seconds_shows_the_redirect_loop_page()
    {
        var browser = await Portal.SignInAsync(TestUser.New());
        const string Path = "/?return_to=https%3A%2F%2Fapp.example.com%2F";

        (await browser.GetAsync(Path)).Status.ShouldBe(303);
        (await browser.GetAsync(Path)).Status.ShouldBe(303);
        var third = await browser.GetAsync(Path);

        third.Status.ShouldBe(200);
        third.Text.ShouldContain("The app keeps sending you back here");
        third.Text.ShouldContain("COOKIE_DOMAIN");
        (await browser.GetAsync(Path)).Status.ShouldBe(303, "the user can try again after this page");
    }

    [Fact]
    public async Task Occasional_redirects_are_not_a_redirect_loop()
    {
        var browser = await Portal.SignInAsync(TestUser.New());

        for (var i = 0; i < 5; i++)
        {
            (await browser.GetAsync("/?return_to=https%3A%2F%2Fapp.example.com%2F")).Status.ShouldBe(303);
            Portal.Clock.Advance(TimeSpan.FromSeconds(16));
        }
    }

    [Fact]
    public async Task Redirects_to_different_pages_are_not_a_redirect_loop()
    {
        var browser = await Portal.SignInAsync(TestUser.New());

        for (var i = 0; i < 5; i++)
        {
            (await browser.GetAsync($"/?return_to=https%3A%2F%2Fapp.example.com%2F{i}")).Status.ShouldBe(303);
        }
    }

    [Theory]
    [InlineData("https://login.example.com", "example.com", "http://localhost/x", "https only")]
    [InlineData("https://login.example.com", "", "https://app.example.com/", "COOKIE_DOMAIN")]
    [InlineData("https://login.example.com", "example.com", "https://app.example.com/", "Cookie header")]
    public async Task The_redirect_loop_page_names_the_likely_cause(string publicUrl, string cookieDomain, string target, string words)
    {
        await using var portal = await PortalHost.StartAsync(
            ("PUBLIC_URL", publicUrl), ("COOKIE_DOMAIN", cookieDomain), ("ALLOWED_REDIRECTS", "app.example.com,localhost"));
        var browser = await portal.SignInAsync(TestUser.New());

        Answer? last = null;
        for (var i = 0; i < 3; i++) last = await browser.GetAsync("/?return_to=" + Uri.EscapeDataString(target));

        last.ShouldNotBeNull().Text.ShouldContain(words);
    }

    public sealed class BehindProxy : IAsyncLifetime
    {
        public PortalHost Portal { get; private set; } = null!;

        public async Task InitializeAsync() =>
            // The browsers of these tests act as the proxy, from addresses in 127.0.0.0/8.
            Portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "app.example.com"), ("TRUSTED_PROXIES", "127.0.0.0/8"));

        public Task DisposeAsync() => Portal.DisposeAsync().AsTask();
    }
}
