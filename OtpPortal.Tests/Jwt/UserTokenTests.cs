using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Jwt;

/// <summary>JWTs for signed-in users (<c>GET /token</c>) and the rotation of the signing keys.</summary>
public sealed class UserTokenTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static string JwtOf(Answer answer) => answer.Json.GetProperty("token").GetString()!;

    [Theory]
    [InlineData("/token", "EdDSA")]
    [InlineData("/token?alg=EdDSA", "EdDSA")]
    [InlineData("/token?alg=RS256", "RS256")]
    public async Task Issues_a_short_lived_JWT_to_a_signed_in_user(string path, string alg)
    {
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        var cookie = browser.Cookies["auth_token"];

        var answer = await browser.GetAsync(path);

        answer.Status.ShouldBe(200);
        answer.Header("Cache-Control").ShouldBe("no-store");
        answer.Cookies.ShouldBeEmpty("the session's own token is not rotated");
        browser.Cookies["auth_token"].ShouldBe(cookie);
        answer.Json.GetProperty("expires_in").GetInt32().ShouldBe(300);
        answer.Body.ShouldNotContain(cookie);
        V2Client.Part(JwtOf(answer), 0).GetProperty("alg").GetString().ShouldBe(alg);
        var claims = V2Client.Part(JwtOf(answer), 1);
        var now = portal.Clock.GetUtcNow().ToUnixTimeSeconds();
        claims.GetProperty("iss").GetString().ShouldBe(portal.Address.GetLeftPart(UriPartial.Authority));
        claims.GetProperty("aud")[0].GetString().ShouldBe("OTP Portal");
        (claims.GetProperty("sub").GetString(), claims.GetProperty("email").GetString()).ShouldBe((email, email));
        (claims.GetProperty("iat").GetInt64(), claims.GetProperty("exp").GetInt64()).ShouldBe((now, now + 300));
        var details = (await portal.NewApiClient()
            .GetAsync("/auth-tokens?details=true&email=" + email, ("Authorization", "Bearer " + PortalHost.Secret))).Json;
        claims.GetProperty("sid").GetString().ShouldBe(details[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task Accepts_the_session_token_as_a_bearer_token()
    {
        var browser = await portal.SignInAsync(TestUser.New());

        (await portal.NewApiClient().GetAsync("/token", ("Authorization", "Bearer " + browser.Cookies["auth_token"]))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Returns_403_to_unauthenticated_clients()
    {
        var browser = await portal.SignInAsync(TestUser.New());
        var token = browser.Cookies["auth_token"];
        await browser.PostAsync("/logout");

        foreach (var answer in new[]
        {
            await portal.NewBrowser().GetAsync("/token"),
            await portal.NewApiClient().GetAsync("/token", ("Authorization", "Bearer " + token)),
            await portal.NewApiClient().GetAsync("/token", ("Remote-User", "ann@example.com")),
        })
        {
            (answer.Status, answer.Body).ShouldBe((403, "Forbidden"));
        }
    }

    [Fact]
    public async Task A_JWT_is_not_accepted_as_a_session_token()
    {
        var browser = await portal.SignInAsync(TestUser.New());
        var jwt = JwtOf(await browser.GetAsync("/token"));

        (await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", "Bearer " + jwt))).Status.ShouldBe(403);
        (await portal.NewApiClient().GetAsync("/token", ("Authorization", "Bearer " + jwt))).Status.ShouldBe(403);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("HS256")]
    [InlineData("")]
    [InlineData("RS256&alg=EdDSA")]
    public async Task An_unsupported_algorithm_is_refused(string alg)
    {
        var browser = (await portal.SignInAsync(TestUser.New())).AsProgram();

        var answer = await browser.GetAsync("/token?alg=" + alg);

        answer.Status.ShouldBe(400);
        answer.Json.GetProperty("message").GetString().ShouldBe("alg must be EdDSA or RS256.");
    }

    [Fact]
    public async Task A_JWT_never_outlives_the_session()
    {
        await using var short_ = await PortalHost.StartAsync(("AUTH_TOKEN_MAX_AGE", "400"), ("TOKEN_AUDIENCE", "https://apps.example.com"));
        var browser = await short_.SignInAsync(TestUser.New());
        short_.Clock.Advance(TimeSpan.FromSeconds(300));

        var answer = await browser.GetAsync("/token");

        answer.Json.GetProperty("expires_in").GetInt32().ShouldBe(100);
        var claims = V2Client.Part(JwtOf(answer), 1);
        (claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64()).ShouldBe(100);
        claims.GetProperty("aud")[0].GetString().ShouldBe("https://apps.example.com");
    }

    [Fact]
    public async Task A_user_JWT_is_not_valid_for_a_service_account()
    {
        await using var v2 = await PortalHost.StartAsync(V2Portal.Setting);
        var browser = await v2.SignInAsync(TestUser.New());

        (await new V2Client(v2, V2Portal.AdminKey).ValidateJwtAsync(JwtOf(await browser.GetAsync("/token")))).Status.ShouldBe(422);
    }

    [Fact]
    public async Task Rotating_the_keys_requires_the_secret_key()
    {
        await using var own = await PortalHost.StartAsync();
        var browser = await own.SignInAsync(TestUser.New());
        var before = V2Client.Part(JwtOf(await browser.GetAsync("/token")), 0).GetProperty("kid").GetString();

        (await own.NewApiClient().PostAsync("/signing-keys/rotate")).Status.ShouldBe(403);
        (await own.NewApiClient().SendAsync(HttpMethod.Post, "/signing-keys/rotate", null, ("Authorization", "Bearer wrong"))).Status
            .ShouldBe(403);
        V2Client.Part(JwtOf(await browser.GetAsync("/token")), 0).GetProperty("kid").GetString().ShouldBe(before);
        var rotated = await own.NewApiClient()
            .SendAsync(HttpMethod.Post, "/signing-keys/rotate?now=true", null, ("Authorization", "Bearer " + PortalHost.Secret));

        rotated.Status.ShouldBe(200);
        var kids = rotated.Json.GetProperty("kids").EnumerateArray().Select(kid => kid.GetString()).ToList();
        kids.ShouldNotContain(before);
        kids.ShouldContain(V2Client.Part(JwtOf(await browser.GetAsync("/token")), 0).GetProperty("kid").GetString());
        (await own.NewApiClient().GetAsync("/api/v2/jwks.json")).Json.GetProperty("keys").EnumerateArray()
            .Select(key => key.GetProperty("kid").GetString()).ShouldBe(kids);
    }

    [Fact]
    public async Task Published_keys_are_cached_for_an_hour_while_the_store_is_unavailable()
    {
        using var redis = RedisServer.Start();
        await using var own = await PortalHost.StartOnAsync(redis);
        var before = await own.NewApiClient().GetAsync("/api/v2/jwks.json");
        redis.Stop();
        own.Clock.Advance(TimeSpan.FromMinutes(59));

        var meanwhile = await own.NewApiClient().GetAsync("/api/v2/jwks.json");
        own.Clock.Advance(TimeSpan.FromMinutes(2));
        var later = await own.NewApiClient().GetAsync("/api/v2/jwks.json");

        (meanwhile.Status, meanwhile.Body).ShouldBe((200, before.Body));
        later.Status.ShouldBe(503);
    }

    [Theory]
    [InlineData("overlap=x", "overlap")]
    [InlineData("overlap=-1", "overlap")]
    [InlineData("overlap=315360001", "overlap")]
    [InlineData("now=yes", "now")]
    [InlineData("now=true&overlap=5", "now")]
    public async Task Invalid_rotation_parameters_are_refused(string query, string named)
    {
        var answer = await portal.NewApiClient()
            .SendAsync(HttpMethod.Post, "/signing-keys/rotate?" + query, null, ("Authorization", "Bearer " + PortalHost.Secret));

        answer.Status.ShouldBe(400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith(named);
    }

    [Fact]
    public async Task The_rotate_keys_command_rotates_the_keys_of_the_running_portal()
    {
        using var running = await PortalProcess.StartAsync();
        using var client = new HttpClient { BaseAddress = running.Address };
        var before = await client.GetStringAsync("/api/v2/jwks.json");

        var (code, output) = await running.CommandAsync("--rotate-keys", "--overlap", "60");
        var (wrong, error) = await running.CommandAsync("--rotate-keys", "--overlap", "soon");
        var (odd, usage) = await running.CommandAsync("--rotate-keys", "--all");

        code.ShouldBe(0, output);
        output.ShouldMatch(
            "^New keys: [A-Za-z0-9]{16}, [A-Za-z0-9]{16}\\. They sign from .*\\. JWTs of the old keys are valid until .*\\.$");
        (await client.GetStringAsync("/api/v2/jwks.json")).Length.ShouldBeGreaterThan(before.Length);
        (wrong, error).ShouldBe((1, "overlap must be between 0 and 315360000 seconds."));
        (odd, usage).ShouldBe((1, "Usage: OtpPortal --rotate-keys [--overlap SECONDS | --now]"));
    }

    [Fact]
    public async Task The_rotate_keys_command_fails_without_a_running_portal()
    {
        var running = await PortalProcess.StartAsync();
        running.Dispose();

        var (code, output) = await running.CommandAsync("--rotate-keys");

        code.ShouldBe(1);
        output.ShouldMatch("^No portal is running on port [0-9]+ of this machine\\. Start it and run this command again\\.$");
    }
}
