using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

/// <summary>Tests <c>/check-auth</c>.</summary>
public sealed class CheckAuthTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static readonly string[] s_identity = ["Remote-User", "Remote-Email", "X-Auth-Request-User", "X-Auth-Request-Email"];
    private static readonly string[] s_unknown =
        ["Remote-Name", "Remote-Groups", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username"];

    private async Task<(string Email, string Token)> SignedInAsync()
    {
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        return (email, browser.Cookies["auth_token"]);
    }

    private Task<Answer> CheckAsync(string token) => portal.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"));

    private static string Token(Answer answer) => answer.Json.GetProperty("auth_token").GetString()!;

    [Fact]
    public async Task Returns_the_identity_for_a_bearer_token()
    {
        var (email, token) = await SignedInAsync();

        var answer = await CheckAsync(token);

        answer.Status.ShouldBe(200);
        answer.ContentType.ShouldStartWith("application/json");
        answer.Json.EnumerateObject().Select(property => property.Name).ShouldBe(["auth_token", "email", "expires_in"]);
        answer.Json.GetProperty("email").GetString().ShouldBe(email);
        answer.Json.GetProperty("expires_in").ValueKind.ShouldBe(JsonValueKind.Number);
        answer.Json.GetProperty("expires_in").GetInt64().ShouldBe(604800);
        answer.Header("Cache-Control").ShouldBe("no-store");
        foreach (var name in s_identity) answer.Header(name).ShouldBe(email, name);
        foreach (var name in s_unknown) answer.Header(name).ShouldBe("", name);
        var cookie = answer.Cookie("auth_token").ShouldNotBeNull();
        cookie.Value.ShouldBe(Token(answer));
        cookie.MaxAge.ShouldBe(604800);
        cookie.Has("httponly").ShouldBeTrue();
    }

    [Fact]
    public async Task The_session_cookie_is_accepted()
    {
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);

        var answer = await browser.GetAsync("/check-auth");

        answer.Status.ShouldBe(200);
        answer.Json.GetProperty("email").GetString().ShouldBe(email);
    }

    [Theory]
    [InlineData("Basic YWxhZGRpbjpvcGVuc2VzYW1l")]
    [InlineData("Digest username=x")]
    [InlineData("Bearer")]
    [InlineData("garbage")]
    public async Task The_cookie_is_used_when_the_Authorization_header_holds_no_token(string authorization)
    {
        var browser = await portal.SignInAsync(TestUser.New());

        (await browser.GetAsync("/check-auth", ("Authorization", authorization))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("Token TOKEN")]
    [InlineData("Whatever TOKEN")]
    public async Task A_token_with_another_scheme_is_accepted_like_in_the_Flask_portal(string authorization)
    {
        var (email, token) = await SignedInAsync();

        var answer = await portal.NewApiClient()
            .GetAsync("/check-auth", ("Authorization", authorization.Replace("TOKEN", token, StringComparison.Ordinal)));

        answer.Status.ShouldBe(200);
        answer.Json.GetProperty("email").GetString().ShouldBe(email);
    }

    [Fact]
    public async Task An_invalid_bearer_token_is_refused_despite_a_valid_cookie()
    {
        var browser = await portal.SignInAsync(TestUser.New());

        (await browser.GetAsync("/check-auth", ("Authorization", "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))).Status.ShouldBe(403);
    }

    [Fact]
    public async Task The_scheme_is_case_insensitive()
    {
        var (_, token) = await SignedInAsync();

        (await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", $"bearer {token}"))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("Bearer ")]
    [InlineData("Bearer short")]
    [InlineData("Bearer live:AAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Returns_403_without_a_live_token(string? authorization)
    {
        var program = portal.NewApiClient();

        var answer = authorization is null
            ? await program.GetAsync("/check-auth") : await program.GetAsync("/check-auth", ("Authorization", authorization));

        answer.Status.ShouldBe(403);
        answer.Body.ShouldBe("Forbidden");
        answer.Header("Cache-Control").ShouldBe("no-store");
        foreach (var name in s_identity.Concat(s_unknown)) answer.Header(name).ShouldBeNull();
        answer.Cookies.ShouldBeEmpty();
    }

    /// <summary>A proxy that speaks HTTP/1.0, as nginx does by default, keeps a connection only if it knows the length.</summary>
    [Theory]
    [InlineData("/check-auth")]
    [InlineData("/forward-auth")]
    public async Task Responses_have_a_known_length(string path)
    {
        var (_, token) = await SignedInAsync();

        foreach (var credentials in (string[])[token, new string('A', token.Length)])
        {
            var answer = await portal.NewApiClient().GetAsync(path, ("Authorization", $"Bearer {credentials}"));
            answer.Headers.TransferEncodingChunked.ShouldNotBe(true, $"{path} {answer.Status}");
        }
    }

    [Fact]
    public async Task Forged_identity_headers_are_ignored()
    {
        var (email, token) = await SignedInAsync();
        (string, string)[] forged = [.. s_identity.Select(name => (name, "admin@example.com"))];

        (await portal.NewApiClient().GetAsync("/check-auth", forged)).Status.ShouldBe(403);
        var answer = await portal.NewApiClient().GetAsync("/check-auth", [("Authorization", $"Bearer {token}"), .. forged]);
        foreach (var name in s_identity) answer.Header(name).ShouldBe(email);
    }

    [Fact]
    public async Task HEAD_is_supported()
    {
        var (email, token) = await SignedInAsync();

        var answer = await portal.NewApiClient().SendAsync(HttpMethod.Head, "/check-auth", null, ("Authorization", $"Bearer {token}"));

        answer.Status.ShouldBe(200);
        answer.Body.ShouldBeEmpty();
        answer.Header("Remote-Email").ShouldBe(email);
        answer.Cookie("auth_token").ShouldNotBeNull();
    }

    [Fact]
    public async Task POST_is_not_allowed() => (await portal.NewApiClient().PostAsync("/check-auth")).Status.ShouldBe(405);

    [Fact]
    public async Task The_first_check_rotates_the_token_and_later_ones_only_after_a_minute()
    {
        var (_, first) = await SignedInAsync();

        var second = Token(await CheckAsync(first));
        second.ShouldNotBe(first);
        second.ShouldMatch("^[A-Za-z0-9]{32}$");

        portal.Clock.Advance(TimeSpan.FromSeconds(60));
        Token(await CheckAsync(second)).ShouldBe(second, "not yet more than a minute");
        portal.Clock.Advance(TimeSpan.FromSeconds(1));
        var third = Token(await CheckAsync(second));
        third.ShouldNotBe(second);
        third.ShouldNotBe(first);
    }

    [Fact]
    public async Task A_rotated_token_yields_the_same_successor_during_the_grace_period()
    {
        var (_, first) = await SignedInAsync();
        var second = Token(await CheckAsync(first));

        portal.Clock.Advance(TimeSpan.FromSeconds(119));
        (await CheckAsync(first)).Json.GetProperty("auth_token").GetString().ShouldBe(second);

        portal.Clock.Advance(TimeSpan.FromSeconds(1));
        (await CheckAsync(first)).Status.ShouldBe(403);
        (await CheckAsync(second)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Forty_concurrent_checks_do_not_sign_the_user_out()
    {
        await using var replica = await portal.StartReplicaAsync();
        var (_, token) = await SignedInAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i =>
            (i % 2 == 0 ? portal : replica).NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"))));

        answers.ShouldAllBe(answer => answer.Status == 200);
        answers.Select(Token).Distinct().Count().ShouldBe(1);
        (await CheckAsync(Token(answers[0]))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_browser_that_stores_the_rotated_tokens_stays_signed_in()
    {
        var browser = await portal.SignInAsync(TestUser.New());
        for (var i = 0; i < 10; i++)
        {
            (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
            portal.Clock.Advance(TimeSpan.FromSeconds(61));
        }
    }

    [Fact]
    public async Task Each_check_extends_the_session_up_to_its_absolute_lifetime()
    {
        var (_, first) = await SignedInAsync();
        var token = Token(await CheckAsync(first));
        for (var i = 0; i < 4; i++)
        {
            portal.Clock.Advance(TimeSpan.FromDays(6));
            var answer = await CheckAsync(token);
            answer.Status.ShouldBe(200);
            token = Token(answer);
        }

        portal.Clock.Advance(TimeSpan.FromDays(5.5));
        (await CheckAsync(token)).Json.GetProperty("expires_in").GetInt64().ShouldBe(43200, "the absolute lifetime ends first");
        portal.Clock.Advance(TimeSpan.FromDays(0.5));
        (await CheckAsync(token)).Status.ShouldBe(403, "thirty days after signing in");
    }

    [Fact]
    public async Task Token_length_and_lifetimes_are_configurable()
    {
        await using var other = await PortalHost.StartAsync(
            ("AUTH_TOKEN_LENGTH", "64"), ("AUTH_TOKEN_EXPIRY", "100"), ("AUTH_TOKEN_ROTATE_AFTER", "5"), ("AUTH_TOKEN_GRACE", "10"));
        var browser = await other.SignInAsync(TestUser.New());
        var first = browser.Cookies["auth_token"];
        first.Length.ShouldBe(64);

        (await browser.GetAsync("/check-auth")).Json.GetProperty("expires_in").GetInt64().ShouldBe(100);
        var second = browser.Cookies["auth_token"];
        other.Clock.Advance(TimeSpan.FromSeconds(10));
        (await other.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {first}"))).Status.ShouldBe(403);
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
        browser.Cookies["auth_token"].ShouldNotBe(second);
        other.Clock.Advance(TimeSpan.FromSeconds(100));
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
    }

    [Fact]
    public async Task Sessions_survive_a_change_of_the_secret_key()
    {
        var (_, token) = await SignedInAsync();
        await using var rekeyed = await portal.StartReplicaAsync(("AUTH_SECRET_KEY", "another-secret-of-the-tests-9876543210"));

        var answer = await rekeyed.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"));

        answer.Status.ShouldBe(200, "changing the key does not sign everybody out");
        Token(answer).ShouldNotBe(token);
    }
}
