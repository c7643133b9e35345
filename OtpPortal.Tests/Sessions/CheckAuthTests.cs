using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

/// <summary><c>/check-auth</c>: an app asks who is there.</summary>
public sealed class CheckAuthTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static readonly string[] s_identity = ["Remote-User", "Remote-Email", "X-Auth-Request-User", "X-Auth-Request-Email"];
    private static readonly string[] s_unknown =
        ["Remote-Name", "Remote-Groups", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username"];

    private async Task<(string Email, string Token)> SignedInAsync()
    {
        var email = Someone.New();
        var browser = await portal.SignInAsync(email);
        return (email, browser.Cookies["auth_token"]);
    }

    private Task<Answer> CheckAsync(string token) => portal.NewProgram().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"));

    private static string Token(Answer answer) => answer.Json.GetProperty("auth_token").GetString()!;

    [Fact]
    public async Task A_bearer_token_is_answered_with_who_it_is()
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
    public async Task The_cookie_does_as_well()
    {
        var email = Someone.New();
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
    public async Task The_cookie_counts_when_the_header_holds_something_else(string authorization)
    {
        var browser = await portal.SignInAsync(Someone.New());

        (await browser.GetAsync("/check-auth", ("Authorization", authorization))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("Token TOKEN")]
    [InlineData("Whatever TOKEN")]
    public async Task A_live_token_after_another_scheme_counts_as_for_clients_of_the_Flask_portal(string authorization)
    {
        var (email, token) = await SignedInAsync();

        var answer = await portal.NewProgram()
            .GetAsync("/check-auth", ("Authorization", authorization.Replace("TOKEN", token, StringComparison.Ordinal)));

        answer.Status.ShouldBe(200);
        answer.Json.GetProperty("email").GetString().ShouldBe(email);
    }

    [Fact]
    public async Task A_bearer_token_that_is_not_live_is_refused_beside_a_live_cookie()
    {
        var browser = await portal.SignInAsync(Someone.New());

        (await browser.GetAsync("/check-auth", ("Authorization", "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))).Status.ShouldBe(403);
    }

    [Fact]
    public async Task The_scheme_may_be_written_in_any_case()
    {
        var (_, token) = await SignedInAsync();

        (await portal.NewProgram().GetAsync("/check-auth", ("Authorization", $"bearer {token}"))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("Bearer ")]
    [InlineData("Bearer short")]
    [InlineData("Bearer live:AAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Without_a_live_token_it_is_forbidden(string? authorization)
    {
        var program = portal.NewProgram();

        var answer = authorization is null
            ? await program.GetAsync("/check-auth") : await program.GetAsync("/check-auth", ("Authorization", authorization));

        answer.Status.ShouldBe(403);
        answer.Body.ShouldBe("Forbidden");
        answer.Header("Cache-Control").ShouldBe("no-store");
        foreach (var name in s_identity.Concat(s_unknown)) answer.Header(name).ShouldBeNull();
        answer.Cookies.ShouldBeEmpty();
    }

    [Fact]
    public async Task Identity_headers_of_the_request_are_nothing()
    {
        var (email, token) = await SignedInAsync();
        (string, string)[] forged = [.. s_identity.Select(name => (name, "admin@example.com"))];

        (await portal.NewProgram().GetAsync("/check-auth", forged)).Status.ShouldBe(403);
        var answer = await portal.NewProgram().GetAsync("/check-auth", [("Authorization", $"Bearer {token}"), .. forged]);
        foreach (var name in s_identity) answer.Header(name).ShouldBe(email);
    }

    [Fact]
    public async Task Head_works_too()
    {
        var (email, token) = await SignedInAsync();

        var answer = await portal.NewProgram().SendAsync(HttpMethod.Head, "/check-auth", null, ("Authorization", $"Bearer {token}"));

        answer.Status.ShouldBe(200);
        answer.Body.ShouldBeEmpty();
        answer.Header("Remote-Email").ShouldBe(email);
        answer.Cookie("auth_token").ShouldNotBeNull();
    }

    [Fact]
    public async Task A_post_is_not_taken() => (await portal.NewProgram().PostAsync("/check-auth")).Status.ShouldBe(405);

    [Fact]
    public async Task The_first_check_rotates_and_later_ones_only_after_a_minute()
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
    public async Task A_rotated_token_stays_good_for_the_grace_and_names_the_same_successor()
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
    public async Task Forty_parallel_calls_sign_nobody_out()
    {
        await using var replica = await portal.StartReplicaAsync();
        var (_, token) = await SignedInAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i =>
            (i % 2 == 0 ? portal : replica).NewProgram().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"))));

        answers.ShouldAllBe(answer => answer.Status == 200);
        answers.Select(Token).Distinct().Count().ShouldBe(1);
        (await CheckAsync(Token(answers[0]))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_browser_that_follows_the_cookies_stays_signed_in()
    {
        var browser = await portal.SignInAsync(Someone.New());
        for (var i = 0; i < 10; i++)
        {
            (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
            portal.Clock.Advance(TimeSpan.FromSeconds(61));
        }
    }

    [Fact]
    public async Task The_idle_lifetime_slides_with_each_call()
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
        (await CheckAsync(token)).Json.GetProperty("expires_in").GetInt64().ShouldBe(43200, "the absolute lifetime is nearer now");
        portal.Clock.Advance(TimeSpan.FromDays(0.5));
        (await CheckAsync(token)).Status.ShouldBe(403, "thirty days after signing in");
    }

    [Fact]
    public async Task Lifetimes_and_names_can_be_chosen()
    {
        await using var other = await PortalHost.StartAsync(
            ("AUTH_TOKEN_LENGTH", "64"), ("AUTH_TOKEN_EXPIRY", "100"), ("AUTH_TOKEN_ROTATE_AFTER", "5"), ("AUTH_TOKEN_GRACE", "10"));
        var browser = await other.SignInAsync(Someone.New());
        var first = browser.Cookies["auth_token"];
        first.Length.ShouldBe(64);

        (await browser.GetAsync("/check-auth")).Json.GetProperty("expires_in").GetInt64().ShouldBe(100);
        var second = browser.Cookies["auth_token"];
        other.Clock.Advance(TimeSpan.FromSeconds(10));
        (await other.NewProgram().GetAsync("/check-auth", ("Authorization", $"Bearer {first}"))).Status.ShouldBe(403);
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
        browser.Cookies["auth_token"].ShouldNotBe(second);
        other.Clock.Advance(TimeSpan.FromSeconds(100));
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_token_of_an_installation_with_another_key_still_names_its_own_successor_only()
    {
        var (_, token) = await SignedInAsync();
        await using var rekeyed = await portal.StartReplicaAsync(("AUTH_SECRET_KEY", "another-secret-of-the-tests-9876543210"));

        var answer = await rekeyed.NewProgram().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"));

        answer.Status.ShouldBe(200, "changing the key does not sign everybody out");
        Token(answer).ShouldNotBe(token);
    }
}
