using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests the rate limits on sending and guessing codes, and their side effects on other users.</summary>
public sealed class LimitTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task The_sixth_message_to_an_address_within_15_minutes_is_refused()
    {
        var email = TestUser.New();
        for (var i = 0; i < 5; i++) (await portal.NewApiClient().PostAsync("/login", ("email", email))).Status.ShouldBe(202);
        await portal.CodesForAsync(email, 5);
        portal.Clock.Advance(TimeSpan.FromSeconds(100));

        var program = await portal.NewApiClient().PostAsync("/login", ("email", email));
        program.Status.ShouldBe(429);
        program.RetryAfter.ShouldBe(800);
        program.Json.GetProperty("error").GetString().ShouldBe("too_many_requests");
        program.Cookie("otp_flow").ShouldBeNull();

        var page = await portal.NewBrowser().PostAsync("/login", ("email", email));
        page.Status.ShouldBe(429);
        page.RetryAfter.ShouldBe(800);
        page.FieldError.ShouldBe("Wait 14 minutes before requesting another code. Nothing was sent.");
        page.Find("input[name=email]")!.GetAttribute("value").ShouldBe(email);
        (await portal.CodesAsync(email)).Count.ShouldBe(5);

        portal.Clock.Advance(TimeSpan.FromSeconds(800));
        (await portal.NewApiClient().PostAsync("/login", ("email", email))).Status.ShouldBe(202);
    }

    [Fact]
    public async Task Sends_per_client_are_limited()
    {
        var browser = portal.NewApiClient();
        for (var i = 0; i < 30; i++) (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(202);

        var answer = await browser.PostAsync("/login", ("email", TestUser.New()));

        answer.Status.ShouldBe(429);
        answer.RetryAfter.ShouldBe(900);
        (await portal.NewApiClient().PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(202, "other callers are not affected");
    }

    [Fact]
    public async Task Replicas_share_the_rate_limits()
    {
        await using var replica = await portal.StartReplicaAsync();
        var email = TestUser.New();
        foreach (var host in (PortalHost[])[portal, replica, portal, replica, portal])
        {
            (await host.NewApiClient().PostAsync("/login", ("email", email))).Status.ShouldBe(202);
        }

        (await replica.NewApiClient().PostAsync("/login", ("email", email))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task Exhausting_the_limits_of_an_address_keeps_its_session_and_sign_in_usable()
    {
        await using var strict =
            await PortalHost.StartAsync(("LIMIT_FAILURES_PER_ADDRESS", "6/86400"), ("LIMIT_SENDS_PER_ADDRESS", "4/900"));
        var email = TestUser.New();
        var session = await strict.SignInAsync(email);
        var victim = strict.NewApiClient();
        await victim.PostAsync("/login", ("email", email));
        var code = (await strict.CodesForAsync(email, 2))[^1];

        var attacker = strict.NewApiClient();
        foreach (var _ in (int[])[1, 2])
        {
            await attacker.PostAsync("/login", ("email", email));
            for (var i = 0; i < 5; i++) await attacker.PostAsync("/login-otp", ("code", "000000"));
        }
        var further = await attacker.PostAsync("/login", ("email", email));
        further.Status.ShouldBe(429);
        further.RetryAfter.ShouldBeGreaterThan(80_000, "the failures of a day count");

        (await session.GetAsync("/check-auth")).Status.ShouldBe(200);
        (await victim.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_successful_sign_in_resets_the_failure_count_of_the_address()
    {
        await using var strict = await PortalHost.StartAsync(("LIMIT_FAILURES_PER_ADDRESS", "6/86400"));
        var email = TestUser.New();
        async Task FailAsync(int times)
        {
            var program = strict.NewApiClient();
            (await program.PostAsync("/login", ("email", email))).Status.ShouldBe(202);
            for (var i = 0; i < times; i++) (await program.PostAsync("/login-otp", ("code", "000000"))).Status.ShouldBe(401);
        }

        await FailAsync(4);
        await strict.SignInAsync(email);
        await FailAsync(4);

        (await strict.NewApiClient().PostAsync("/login", ("email", email))).Status.ShouldBe(202);
    }

    [Fact]
    public async Task Rate_limits_apply_to_disallowed_addresses_too()
    {
        await using var closed = await PortalHost.StartAsync(("ALLOWED_EMAILS", "*@friends.example"));
        var stranger = TestUser.New();
        for (var i = 0; i < 5; i++) (await closed.NewApiClient().PostAsync("/login", ("email", stranger))).Status.ShouldBe(202);

        (await closed.NewApiClient().PostAsync("/login", ("email", stranger))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task X_Forwarded_For_from_an_untrusted_client_does_not_evade_the_limit()
    {
        await using var strict = await PortalHost.StartAsync(("LIMIT_SENDS_PER_IP", "2/900"));
        var browser = strict.NewApiClient();
        for (var i = 0; i < 3; i++)
        {
            browser.Headers["X-Forwarded-For"] = $"203.0.113.{i}";
            (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(i < 2 ? 202 : 429);
        }
    }

    [Fact]
    public async Task Limits_apply_to_the_forwarded_address_behind_a_trusted_proxy()
    {
        await using var strict = await PortalHost.StartAsync(("LIMIT_SENDS_PER_IP", "2/900"), ("TRUSTED_PROXIES", "127.0.0.0/8"));
        var proxy = strict.NewApiClient();

        async Task<int> LoginAsync(string forwarded)
        {
            proxy.Headers["X-Forwarded-For"] = forwarded;
            return (await proxy.PostAsync("/login", ("email", TestUser.New()))).Status;
        }

        (await LoginAsync("203.0.113.1")).ShouldBe(202);
        (await LoginAsync("203.0.113.1")).ShouldBe(202);
        (await LoginAsync("203.0.113.1")).ShouldBe(429);
        (await LoginAsync("203.0.113.2")).ShouldBe(202, "another visitor");
        (await LoginAsync("198.51.100.9, 203.0.113.1")).ShouldBe(429, "the part that the client added is forged");
        (await LoginAsync("2001:db8:1:2:3:4:5:6")).ShouldBe(202);
        (await LoginAsync("2001:db8:1:2:ffff::1")).ShouldBe(202);
        (await LoginAsync("2001:db8:1:2:aaaa::9")).ShouldBe(429, "one /64 is one visitor");
        (await LoginAsync("2001:db8:1:3::1")).ShouldBe(202);
    }
}
