using System.Diagnostics;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests outages of Redis and the recovery afterwards.</summary>
public sealed class StoreOutageTests
{
    // The portal times out after about two seconds; the margin is for a machine under heavy load.
    private static readonly TimeSpan s_maxResponseTime = TimeSpan.FromSeconds(8);

    /// <summary>Asserts a 503 response with <c>Retry-After</c> and without cookies.</summary>
    private static void ShouldBeUnavailable(Answer answer)
    {
        answer.Status.ShouldBe(503);
        answer.RetryAfter.ShouldBeInRange(1, 30);
        answer.Cookies.ShouldBeEmpty();
    }

    [Fact]
    public async Task Returns_503_quickly_while_Redis_is_down_and_recovers_afterwards()
    {
        using var redis = RedisServer.Start();
        await using var portal = await PortalHost.StartOnAsync(redis);
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        var flow = portal.NewBrowser();
        await flow.PostAsync("/login", ("email", email));

        redis.Stop();
        // The lost connection is detected in the background.
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 503);

        var started = Stopwatch.GetTimestamp();
        ShouldBeUnavailable(await portal.NewBrowser().GetAsync("/"));
        ShouldBeUnavailable(await browser.GetAsync("/"));
        ShouldBeUnavailable(await portal.NewBrowser().PostAsync("/login", ("email", TestUser.New())));
        ShouldBeUnavailable(await flow.GetAsync("/login/code"));
        ShouldBeUnavailable(await flow.PostAsync("/login-otp", ("code", "123456")));
        ShouldBeUnavailable(await flow.PostAsync("/login/resend"));
        ShouldBeUnavailable(await browser.PostAsync("/logout"));
        ShouldBeUnavailable(await browser.GetAsync("/check-auth"));
        ShouldBeUnavailable(await portal.NewApiClient().GetAsync("/auth-tokens", ("Authorization", $"Bearer {PortalHost.Secret}")));
        foreach (var path in (string[])["/api/health", "/otp/MyApp/some-id/status"])
        {
            var gateway = await portal.NewApiClient().GetAsync(path);
            ShouldBeUnavailable(gateway);
            gateway.Json.GetProperty("status").GetString().ShouldBe("error", path);
        }
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(s_maxResponseTime, "eleven responses, none of which waited for the store");

        var page = await portal.NewBrowser().GetAsync("/");
        page.Text.ShouldContain("can't reach the server right now");
        var program = await portal.NewApiClient().PostAsync("/login", ("email", TestUser.New()));
        program.Json.GetProperty("error").GetString().ShouldBe("store_unavailable");
        var ready = await portal.NewApiClient().GetAsync("/readyz");
        ready.Json.GetProperty("stores").EnumerateArray().Select(name => name.GetString()).ShouldBe(["otp", "auth"]);
        (await portal.NewApiClient().GetAsync("/healthz")).Status.ShouldBe(200, "the process itself serves");
        (await portal.NewApiClient().GetAsync("/healthz", ("Authorization", "Bearer " + PortalHost.Secret))).Body
            .ShouldBe("OK", "wrong keys cannot be counted without the store");
        browser.Cookies.ShouldContainKey("auth_token", "an outage signs nobody out");

        redis.StartAgain();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);
        await portal.SignInAsync(TestUser.New());
    }

    [Fact]
    public async Task Readyz_names_the_unavailable_store_and_a_code_stays_valid_during_the_outage()
    {
        using var tokens = RedisServer.Start();
        await using var portal = await PortalHost.StartAsync(("REDIS_URL_AUTH", tokens.Url(1)));
        var (browser, email) = (portal.NewApiClient(), TestUser.New());
        await browser.PostAsync("/login", ("email", email));
        var code = await portal.CodeForAsync(email);

        tokens.Stop();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 503);

        (await portal.NewApiClient().GetAsync("/readyz")).Json.GetProperty("stores").EnumerateArray().ShouldHaveSingleItem().GetString()
            .ShouldBe("auth");
        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(503);

        tokens.StartAgain();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);
        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Returns_503_quickly_while_Redis_is_unresponsive()
    {
        using var redis = RedisServer.Start();
        await using var portal = await PortalHost.StartOnAsync(redis);
        var browser = await portal.SignInAsync(TestUser.New());

        redis.Pause();
        try
        {
            foreach (var path in (string[])["/check-auth", "/readyz", "/"])
            {
                var started = Stopwatch.GetTimestamp();
                var answer = await browser.GetAsync(path);
                answer.Status.ShouldBe(503, path);
                if (path == "/") answer.Text.ShouldContain("can't reach the server right now", Case.Sensitive,
                    "in a page, though it failed halfway");
                Stopwatch.GetElapsedTime(started).ShouldBeLessThan(s_maxResponseTime, path);
            }
            var login = Stopwatch.GetTimestamp();
            (await portal.NewBrowser().PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(503);
            Stopwatch.GetElapsedTime(login).ShouldBeLessThan(s_maxResponseTime);
        }
        finally
        {
            redis.Continue();
        }

        await Eventually.BeTrueAsync(async () => (await browser.GetAsync("/check-auth")).Status == 200);
    }

    [Fact]
    public async Task The_portal_starts_without_Redis_and_becomes_ready_when_Redis_is_available()
    {
        using var redis = RedisServer.Start();
        redis.Stop();
        await using var portal = await PortalHost.StartOnAsync(redis);
        (await portal.NewApiClient().GetAsync("/healthz")).Status.ShouldBe(200);
        (await portal.NewApiClient().GetAsync("/readyz")).Status.ShouldBe(503);
        (await portal.NewBrowser().GetAsync("/")).Status.ShouldBe(503);

        redis.StartAgain();

        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);
        await portal.SignInAsync(TestUser.New());
    }
}
