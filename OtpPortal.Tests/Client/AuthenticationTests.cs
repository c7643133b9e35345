using OtpPortal.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>The ASP.NET Core authentication scheme, tested against a real portal.</summary>
public sealed class AuthenticationTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static readonly TimeSpan s_cacheFor = TimeSpan.FromSeconds(10);

    private readonly OtpPortalClient _operator = Clients.For(portal.Address, options => options.AuthSecretKey = PortalHost.Secret);

    private Task<AppBehindPortal> StartAsync() => AppBehindPortal.StartAsync(portal.Address, portal.Clock);

    private static void ShouldBe(Answer answer, string email)
    {
        answer.Status.ShouldBe(200, answer.Body);
        answer.Json.GetProperty("email").GetString().ShouldBe(email);
    }

    [Fact]
    public async Task A_user_signed_in_at_the_portal_is_authenticated_in_the_app()
    {
        await using var app = await StartAsync();
        var email = TestUser.New();

        var answer = await app.NewBrowser(await portal.SignInAsync(email)).GetAsync("/");

        ShouldBe(answer, email);
        var user = answer.Json;
        (user.GetProperty("id").GetString(), user.GetProperty("name").GetString()).ShouldBe((email, email));
        (user.GetProperty("type").GetString(), user.GetProperty("issuer").GetString()).ShouldBe(("OtpPortal", "OtpPortal"));
        answer.Cookies.ShouldBeEmpty("no data has to be returned");
    }

    [Fact]
    public async Task A_bearer_token_takes_precedence_over_the_cookie()
    {
        await using var app = await StartAsync();
        var (email, browser) = (TestUser.New(), await portal.SignInAsync(TestUser.New()));
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];

        ShouldBe(await app.NewBrowser(browser).GetAsync("/", ("Authorization", "Bearer " + token)), email);

        var wrong = await app.NewBrowser(browser).GetAsync("/", ("Authorization", "Bearer nobodys0nobodys0nobodys0nobodys0"));
        wrong.Status.ShouldBe(401, "the client is not a browser that can be redirected");
        wrong.Header("WWW-Authenticate").ShouldBe("Bearer error=\"invalid_token\"");
        ShouldBe(await app.NewBrowserWith(token).GetAsync("/", ("Authorization", "Basic " + token)), email);
    }

    [Fact]
    public async Task Reads_the_token_from_the_configured_cookie()
    {
        await using var app =
            await AppBehindPortal.StartAsync(portal.Address, portal.Clock, options => options.CookieName = "__Secure-login");
        var email = TestUser.New();
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];
        var browser = app.NewBrowserWith(token);

        (await browser.GetAsync("/", ("Accept", "*/*"))).Status.ShouldBe(401);
        browser.Cookies["__Secure-login"] = token;
        ShouldBe(await browser.GetAsync("/"), email);
    }

    [Fact]
    public async Task Redirects_a_browser_to_the_portal_with_the_return_URL()
    {
        await using var app = await StartAsync();

        var answer = await app.NewBrowser().GetAsync("/base/reports/a%20b/%C3%A9?year=2026&q=%26");

        answer.Status.ShouldBe(302);
        answer.Header("Cache-Control").ShouldBe("no-store");
        var page = app.Address.GetLeftPart(UriPartial.Authority) + "/base/reports/a%20b/%C3%A9?year=2026&q=%26";
        answer.Location.ShouldBe($"{portal.Address.GetLeftPart(UriPartial.Authority)}/?return_to={Uri.EscapeDataString(page)}");
    }

    [Fact]
    public async Task After_signing_in_the_user_returns_to_the_requested_page()
    {
        await using var own = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1"));
        await using var app = await AppBehindPortal.StartAsync(own.Address, own.Clock);
        var (email, browser) = (TestUser.New(), own.NewBrowser());

        var sent = await app.NewBrowser().GetAsync("/reports?year=2026");
        await browser.GetAsync(new Uri(sent.Location!).PathAndQuery);
        await browser.PostAsync("/login", ("email", email));
        var back = await browser.PostAsync("/login-otp", ("code", await own.CodeForAsync(email)));

        back.Location.ShouldBe(new Uri(app.Address, "/reports?year=2026").AbsoluteUri);
        ShouldBe(await app.NewBrowser(browser).GetAsync("/reports?year=2026"), email);
    }

    [Fact]
    public async Task A_return_URL_that_is_too_long_is_replaced_by_the_root_of_the_app()
    {
        await using var app = await StartAsync();

        var answer = await app.NewBrowser().GetAsync("/base/x?q=" + new string('a', 2048));

        answer.Location.ShouldNotBeNull().ShouldEndWith(Uri.EscapeDataString(app.Address.GetLeftPart(UriPartial.Authority) + "/base/"));
    }

    /// <summary>Gets requests that are not page navigations.</summary>
    public static TheoryData<string, string, string> NonNavigationRequests => new()
    {
        { "GET", "Accept", "application/json" },
        { "GET", "X-Requested-With", "XMLHttpRequest" },
        { "GET", "Sec-Fetch-Mode", "cors" },
        { "GET", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==" },
        { "POST", "Accept", "text/html" },
    };

    [Theory]
    [MemberData(nameof(NonNavigationRequests))]
    public async Task Returns_401_to_requests_that_are_not_page_navigations(string method, string header, string value)
    {
        await using var app = await StartAsync();

        var answer = await app.NewBrowser().SendAsync(new HttpMethod(method), "/", null, (header, value));

        answer.Status.ShouldBe(401);
        answer.Header("WWW-Authenticate").ShouldBe("Bearer");
    }

    [Fact]
    public async Task Forged_identity_headers_are_ignored()
    {
        await using var app = await StartAsync();
        var email = TestUser.New();
        (string, string)[] forged =
        [
            ("Remote-User", "root@example.com"), ("Remote-Email", "root@example.com"),
            ("X-Auth-Request-User", "root@example.com"), ("X-Auth-Request-Email", "root@example.com"),
        ];

        (await app.NewBrowser().GetAsync("/", [.. forged, ("Accept", "*/*")])).Status.ShouldBe(401);
        (await app.NewBrowser().GetAsync("/open", forged)).Body.ShouldBe("nobody");
        ShouldBe(await app.NewBrowser(await portal.SignInAsync(email)).GetAsync("/", forged), email);
    }

    [Fact]
    public async Task Concurrent_requests_during_token_rotation_stay_authenticated()
    {
        await using var app = await StartAsync();
        var email = TestUser.New();
        var old = (await portal.SignInAsync(email)).Cookies["auth_token"];
        var other = Clients.For(portal.Address);

        var replacing = other.CheckAuthAsync(old);
        var requests = Enumerable.Range(0, 20).Select(_ => app.NewBrowserWith(old).GetAsync("/")).ToList();
        var now = (await replacing).ShouldBeOfType<AuthCheck.SignedIn>().AuthToken;
        foreach (var answer in await Task.WhenAll(requests)) ShouldBe(answer, email);
        now.ShouldNotBe(old);

        // Both tokens are accepted during the grace period, and using one does not affect the other.
        portal.Clock.Advance(TimeSpan.FromSeconds(119));
        ShouldBe(await app.NewBrowserWith(old).GetAsync("/"), email);
        ShouldBe(await app.NewBrowserWith(now).GetAsync("/"), email);
        portal.Clock.Advance(TimeSpan.FromSeconds(1) + s_cacheFor);
        (await app.NewBrowserWith(old).GetAsync("/", ("Accept", "*/*"))).Status.ShouldBe(401);
        ShouldBe(await app.NewBrowserWith(now).GetAsync("/"), email);
    }

    [Fact]
    public async Task Requests_to_the_app_extend_the_session()
    {
        await using var app = await StartAsync();
        var email = TestUser.New();
        var browser = app.NewBrowser(await portal.SignInAsync(email));

        for (var day = 0; day < 20; day += 5)
        {
            portal.Clock.Advance(TimeSpan.FromDays(5));
            ShouldBe(await browser.GetAsync("/"), email);
        }
        portal.Clock.Advance(TimeSpan.FromDays(7));
        (await browser.GetAsync("/")).Status.ShouldBe(302);
    }

    [Fact]
    public async Task A_revocation_takes_effect_when_the_cache_entry_expires()
    {
        await using var app = await StartAsync();
        var email = TestUser.New();
        var browser = app.NewBrowser(await portal.SignInAsync(email));
        ShouldBe(await browser.GetAsync("/"), email);

        await _operator.Sessions.RevokeAllAsync(email);

        portal.Clock.Advance(s_cacheFor - TimeSpan.FromMilliseconds(1));
        ShouldBe(await browser.GetAsync("/"), email);
        portal.Clock.Advance(TimeSpan.FromMilliseconds(1));
        (await browser.GetAsync("/", ("Accept", "*/*"))).Status.ShouldBe(401);
        (await browser.GetAsync("/open")).Body.ShouldBe("nobody");
    }

    [Fact]
    public async Task Without_a_cache_a_revocation_takes_effect_immediately()
    {
        await using var app = await AppBehindPortal.StartAsync(portal.Address, portal.Clock, options => options.CacheFor = TimeSpan.Zero);
        var email = TestUser.New();
        var browser = app.NewBrowser(await portal.SignInAsync(email));
        ShouldBe(await browser.GetAsync("/"), email);

        await _operator.Sessions.RevokeAllAsync(email);

        (await browser.GetAsync("/", ("Accept", "*/*"))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Returns_503_and_keeps_sessions_while_the_portal_store_is_unavailable()
    {
        using var redis = RedisServer.Start();
        await using var own = await PortalHost.StartOnAsync(redis);
        await using var app = await AppBehindPortal.StartAsync(own.Address, own.Clock);
        var email = TestUser.New();
        var browser = app.NewBrowser(await own.SignInAsync(email));

        redis.Pause();
        var answer = await browser.GetAsync("/");
        redis.Continue();

        answer.Status.ShouldBe(503);
        answer.RetryAfter.ShouldBe(5);
        await Eventually.BeTrueAsync(async () => (await browser.GetAsync("/")).Status == 200, "the failure was not kept");
    }

    [Fact]
    public async Task Returns_503_when_the_portal_is_unreachable_but_serves_public_pages()
    {
        await using var app = await AppBehindPortal.StartAsync(new Uri($"http://127.0.0.1:{FreePort.Next()}"), portal.Clock);
        var browser = app.NewBrowserWith("token");

        var answer = await browser.GetAsync("/");

        (answer.Status, answer.RetryAfter, answer.Header("Cache-Control")).ShouldBe((503, 5, "no-store"));
        (await browser.GetAsync("/open")).Body.ShouldBe("nobody");
        (await app.NewBrowser().GetAsync("/")).Status.ShouldBe(302, "a request without a token needs no check");
        app.Log.Text.ShouldContain("could not check tokens with the portal");
    }

    [Fact]
    public async Task Caches_successful_checks_but_not_failures()
    {
        await using var standIn = await RecordingServer.StartAsync();
        await using var app = await AppBehindPortal.StartAsync(standIn.Address, portal.Clock);
        var browser = app.NewBrowserWith("token");

        standIn.AlwaysAnswer(503, "", ("Retry-After", "7"));
        (await browser.GetAsync("/")).RetryAfter.ShouldBe(7);
        standIn.AlwaysAnswer(200, "", ("Remote-Email", "ann@example.com"));
        ShouldBe(await browser.GetAsync("/"), "ann@example.com");
        standIn.AlwaysAnswer(503, "");
        ShouldBe(await browser.GetAsync("/"), "ann@example.com");
        portal.Clock.Advance(s_cacheFor);
        (await browser.GetAsync("/")).Status.ShouldBe(503);

        standIn.AlwaysAnswer(401, "Unauthorized");
        (await browser.GetAsync("/")).Status.ShouldBe(302);
        standIn.AlwaysAnswer(200, "", ("Remote-Email", "ann@example.com"));
        ShouldBe(await browser.GetAsync("/"), "ann@example.com");
        standIn.Requests.Count.ShouldBe(5);
        var question = standIn.Requests[0];
        (question.Method, question.Path, question.Headers["Authorization"])
            .ShouldBe(("GET", "/forward-auth?redirect=never", "Bearer token"));
        question.Headers.ContainsKey("Cookie").ShouldBeFalse();
    }

    [Fact]
    public async Task Concurrent_requests_with_the_same_token_share_one_portal_call()
    {
        await using var standIn = await RecordingServer.StartAsync();
        var hold = new TaskCompletionSource();
        standIn.Handle = async context =>
        {
            await hold.Task;
            context.Response.Headers["Remote-Email"] = "ann@example.com";
        };
        await using var app = await AppBehindPortal.StartAsync(standIn.Address, portal.Clock);

        var requests = Enumerable.Range(0, 20).Select(_ => app.NewBrowserWith("token").GetAsync("/")).ToList();
        await Eventually.BeTrueAsync(() => standIn.Requests.Count > 0);
        hold.SetResult();

        foreach (var answer in await Task.WhenAll(requests)) ShouldBe(answer, "ann@example.com");
        standIn.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_malformed_token_is_refused_without_calling_the_portal()
    {
        await using var standIn = await RecordingServer.StartAsync();
        standIn.AlwaysAnswer(200, "", ("Remote-Email", "root@example.com"));
        await using var app = await AppBehindPortal.StartAsync(standIn.Address, portal.Clock);

        foreach (var token in (string[])["a.b.c", "two words", new string('a', 513), "a%0d%0ab"])
        {
            (await app.NewBrowserWith(token).GetAsync("/", ("Accept", "*/*"))).Status.ShouldBe(401);
            (await app.NewBrowser().GetAsync("/", ("Authorization", "Bearer " + token))).Status.ShouldBe(401);
        }
        (await app.NewBrowserWith("").GetAsync("/", ("Accept", "*/*"))).Status.ShouldBe(401);
        standIn.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Uses_the_backchannel_URL_for_server_to_server_calls()
    {
        await using var app = await AppBehindPortal.StartAsync(
            new Uri("https://login.example.com"), portal.Clock, options => options.BackchannelUrl = portal.Address);
        var email = TestUser.New();

        ShouldBe(await app.NewBrowser(await portal.SignInAsync(email)).GetAsync("/"), email);
        (await app.NewBrowser().GetAsync("/")).Location.ShouldNotBeNull().ShouldStartWith("https://login.example.com/?return_to=");
    }

    [Fact]
    public async Task Tokens_are_never_logged()
    {
        await using var app = await StartAsync();
        var browser = await portal.SignInAsync(TestUser.New());
        var token = browser.Cookies["auth_token"];

        await app.NewBrowser(browser).GetAsync("/");
        await app.NewBrowser().GetAsync("/", ("Authorization", "Bearer " + token + "X"));

        app.Log.Text.ShouldContain("forward-auth", customMessage: "the log is there");
        app.Log.Text.ShouldNotContain(token);
    }
}
