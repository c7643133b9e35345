using System.Globalization;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

/// <summary>Tests <c>/auth-tokens</c>: listing and revoking sessions with the admin key.</summary>
public sealed class AuthTokensTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static readonly (string, string) s_key = ("Authorization", $"Bearer {PortalHost.Secret}");

    private Task<Answer> ListAsync(string query = "") => portal.NewApiClient().GetAsync("/auth-tokens" + query, s_key);

    private Task<Answer> DeleteAsync(string rest) => portal.NewApiClient().SendAsync(HttpMethod.Delete, "/auth-tokens" + rest, null, s_key);

    private static List<string> Strings(Answer answer) => [.. answer.Json.EnumerateArray().Select(token => token.GetString()!)];

    private async Task<string> IdOfAsync(string email) =>
        (await ListAsync($"?details=true&email={email}")).Json.EnumerateArray().Single().GetProperty("id").GetString()!;

    [Theory]
    [InlineData("true")]
    [InlineData("True")]
    [InlineData("1")]
    public async Task Details_accepts_the_common_spellings_of_true(string yes)
    {
        var email = TestUser.New();
        await portal.SignInAsync(email);

        (await ListAsync($"?details={yes}&email={email}")).Json.EnumerateArray().ShouldHaveSingleItem().GetProperty("email").GetString()
            .ShouldBe(email);
    }

    [Fact]
    public async Task Email_filters_are_normalized()
    {
        var name = "ann" + Guid.NewGuid().ToString("N");
        var browser = portal.NewApiClient();
        await browser.PostAsync("/login", ("email", name + "@bücher.example"));
        await browser.PostAsync("/login-otp", ("code", await portal.CodeForAsync(name + "@xn--bcher-kva.example")));
        var typed = Uri.EscapeDataString(name.ToUpperInvariant() + "@BÜCHER.example");

        Strings(await ListAsync("?email=" + typed)).ShouldBe([browser.Cookies["auth_token"]]);
        (await DeleteAsync("?email=" + typed)).Status.ShouldBe(204);
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403, "it was notified that the sessions have ended");
    }

    [Theory]
    [InlineData("Token")]
    [InlineData("Basic")]
    public async Task The_key_is_accepted_with_any_scheme_like_in_the_Flask_portal(string scheme) =>
        (await portal.NewApiClient().GetAsync("/auth-tokens", ("Authorization", $"{scheme} {PortalHost.Secret}"))).Status.ShouldBe(200);

    [Fact]
    public async Task Lists_all_live_tokens()
    {
        var one = await portal.SignInAsync(TestUser.New());
        var two = await portal.SignInAsync(TestUser.New());
        var gone = await portal.SignInAsync(TestUser.New());
        var dead = gone.Cookies["auth_token"];
        await gone.PostAsync("/logout");
        await two.GetAsync("/check-auth");

        var answer = await ListAsync();

        answer.Status.ShouldBe(200);
        answer.ContentType.ShouldStartWith("application/json");
        answer.Header("Cache-Control").ShouldBe("no-store");
        var tokens = Strings(answer);
        tokens.ShouldContain(one.Cookies["auth_token"]);
        tokens.ShouldContain(two.Cookies["auth_token"], "the successor, after a rotation");
        tokens.ShouldNotContain(dead);
        (await two.GetAsync("/check-auth", ("Authorization", $"Bearer {tokens[tokens.IndexOf(two.Cookies["auth_token"])]}"))).Status
            .ShouldBe(200);
    }

    [Fact]
    public async Task Details_include_user_device_and_times_of_a_session()
    {
        var email = TestUser.New();
        var browser = portal.NewBrowser();
        browser.Headers["User-Agent"] = "Tests/1.0";
        await portal.SignInAsync(email, browser);
        var created = portal.Clock.GetUtcNow();
        portal.Clock.Advance(TimeSpan.FromHours(1));
        await browser.GetAsync("/check-auth");

        var session = (await ListAsync($"?details=true&email={email.ToUpperInvariant()}")).Json.EnumerateArray().ShouldHaveSingleItem();

        session.EnumerateObject().Select(property => property.Name)
            .ShouldBe(["id", "email", "created_at", "last_seen_at", "expires_at", "ip", "user_agent", "auth_token"]);
        session.GetProperty("email").GetString().ShouldBe(email);
        session.GetProperty("created_at").GetDateTimeOffset().ShouldBe(created);
        session.GetProperty("last_seen_at").GetDateTimeOffset().ShouldBe(created.AddHours(1));
        session.GetProperty("expires_at").GetDateTimeOffset().ShouldBe(created.AddHours(1).AddDays(7));
        session.GetProperty("ip").GetString().ShouldBe(browser.Source.ToString());
        session.GetProperty("user_agent").GetString().ShouldBe("Tests/1.0");
        session.GetProperty("auth_token").GetString().ShouldBe(browser.Cookies["auth_token"]);
        session.GetProperty("id").GetString().ShouldNotBe(browser.Cookies["auth_token"]);
    }

    [Fact]
    public async Task All_pages_together_equal_the_full_list()
    {
        var email = TestUser.New();
        for (var i = 0; i < 5; i++) await portal.SignInAsync(email);
        var all = Strings(await ListAsync($"?email={email}"));
        all.Count.ShouldBe(5);

        var seen = new List<string>();
        string? cursor = null;
        var pages = 0;
        do
        {
            var page = await ListAsync($"?email={email}&limit=2" + (cursor is null ? "" : $"&cursor={cursor}"));
            page.Status.ShouldBe(200);
            Strings(page).Count.ShouldBeLessThanOrEqualTo(2);
            seen.AddRange(Strings(page));
            cursor = page.Header("X-Next-Cursor");
            pages++;
        }
        while (cursor is not null && pages < 10);

        pages.ShouldBe(3);
        seen.ShouldBe(all);
        (await ListAsync($"?email={email}&limit=5")).Header("X-Next-Cursor").ShouldBeNull();
    }

    [Theory]
    [InlineData("?limit=0", "invalid_limit")]
    [InlineData("?limit=1001", "invalid_limit")]
    [InlineData("?limit=-1", "invalid_limit")]
    [InlineData("?limit=ten", "invalid_limit")]
    [InlineData("?limit=", "invalid_limit")]
    [InlineData("?cursor=x", "invalid_cursor")]
    [InlineData("?limit=2&cursor=1.2.3", "invalid_cursor")]
    [InlineData("?cursor=99999999999999999999.aaaaaaaaaaaaaaaaaaaaaaaa.1", "invalid_cursor")]
    public async Task An_invalid_limit_or_cursor_is_rejected_by_name(string query, string error)
    {
        var answer = await ListAsync(query);

        answer.Status.ShouldBe(400);
        answer.Json.GetProperty("error").GetString().ShouldBe(error);
        answer.Json.GetProperty("message").GetString().ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task Returns_an_empty_list_for_an_unknown_address()
    {
        var answer = await ListAsync($"?email={TestUser.New()}");

        (answer.Status, answer.Body).ShouldBe((200, "[]"));
    }

    [Fact]
    public async Task Revoking_a_session_takes_effect_at_once_on_every_replica()
    {
        await using var replica = await portal.StartReplicaAsync();
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        var grace = browser.Cookies["auth_token"];
        await browser.GetAsync("/check-auth");
        var id = await IdOfAsync(email);

        var answer = await DeleteAsync("/" + id);

        (answer.Status, answer.Body).ShouldBe((204, ""));
        foreach (var token in (string[])[grace, browser.Cookies["auth_token"]])
        {
            (await replica.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"))).Status.ShouldBe(403);
        }
        Strings(await ListAsync($"?email={email}")).ShouldBeEmpty();
        (await DeleteAsync("/" + id)).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Revoking_an_address_revokes_all_its_sessions_and_no_others()
    {
        var (email, other) = (TestUser.New(), await portal.SignInAsync(TestUser.New()));
        var sessions = new[] { await portal.SignInAsync(email), await portal.SignInAsync(email) };

        (await DeleteAsync($"?email={email.ToUpperInvariant()}")).Status.ShouldBe(204);

        foreach (var session in sessions) (await session.GetAsync("/check-auth")).Status.ShouldBe(403);
        (await other.GetAsync("/check-auth")).Status.ShouldBe(200);
        (await DeleteAsync($"?email={TestUser.New()}")).Status.ShouldBe(204, "circuits are not closed prematurely");
    }

    [Theory]
    [InlineData("")]
    [InlineData("?email=")]
    [InlineData("?email=%20")]
    public async Task Revoking_by_email_requires_an_address(string query) => (await DeleteAsync(query)).Status.ShouldBe(400);

    [Theory]
    [InlineData("/nonsense")]
    [InlineData("/aaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("/*")]
    public async Task Returns_404_for_an_unknown_session_id(string id) => (await DeleteAsync(id)).Status.ShouldBe(404);

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer ")]
    [InlineData(PortalHost.Secret)]
    public async Task Returns_403_without_the_key(string? authorization)
    {
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        var id = await IdOfAsync(email);
        (string, string)[] headers = authorization is null ? [] : [("Authorization", authorization)];
        // The cookie of a signed-in user does not grant access either.
        foreach (var (method, path) in ((HttpMethod, string)[])[
            (HttpMethod.Get, ""), (HttpMethod.Delete, "/" + id), (HttpMethod.Delete, "?email=" + email)])
        {
            var answer = await browser.SendAsync(method, "/auth-tokens" + path, null, headers);
            answer.Status.ShouldBe(403);
            answer.Body.ShouldNotContain(email);
        }
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_client_is_locked_out_after_ten_wrong_keys()
    {
        var guesser = portal.NewApiClient();
        for (var i = 0; i < 10; i++)
        {
            (await guesser.GetAsync(
                "/auth-tokens", ("Authorization", string.Create(CultureInfo.InvariantCulture, $"Bearer guess{i}")))).Status.ShouldBe(403);
        }

        var further = await guesser.GetAsync("/auth-tokens", ("Authorization", "Bearer guess"));
        further.Status.ShouldBe(429);
        further.RetryAfter.ShouldBe(300);
        var right = await guesser.GetAsync("/auth-tokens", s_key);
        right.Status.ShouldBe(429, "otherwise guessing could continue");
        right.RetryAfter.ShouldBe(300);
        (await ListAsync()).Status.ShouldBe(200, "other callers are not affected");

        portal.Clock.Advance(TimeSpan.FromSeconds(300));
        (await guesser.GetAsync("/auth-tokens", s_key)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Sessions_from_before_a_key_change_are_listed_without_token_and_can_be_revoked()
    {
        await using var rekeyed = await portal.StartReplicaAsync(("AUTH_SECRET_KEY", "another-secret-of-the-tests-9876543210"));
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        (string, string) key = ("Authorization", "Bearer another-secret-of-the-tests-9876543210");

        var session = (await rekeyed.NewApiClient().GetAsync($"/auth-tokens?details=true&email={email}", key)).Json.EnumerateArray()
            .ShouldHaveSingleItem();

        session.GetProperty("auth_token").GetString().ShouldBe("");
        (await rekeyed.NewApiClient().SendAsync(HttpMethod.Delete, "/auth-tokens/" + session.GetProperty("id").GetString(), null, key))
            .Status
            .ShouldBe(204);
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
    }
}
