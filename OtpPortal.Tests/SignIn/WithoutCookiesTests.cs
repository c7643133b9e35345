using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests signing in without cookies: the client sends the <c>flow</c> of the JSON response.</summary>
public sealed class WithoutCookiesTests(PortalHost portal) : IClassFixture<PortalHost>
{
    // A client that does not store cookies.
    private BrowserClient NewClient()
    {
        var client = portal.NewApiClient();
        client.KeepsCookies = false;
        return client;
    }

    private async Task<(BrowserClient Client, string Email, string Flow, string Code)> BeginAsync()
    {
        var (client, email) = (NewClient(), TestUser.New());
        var flow = (await client.PostAsync("/login", ("email", email))).Json.GetProperty("flow").GetString()!;
        return (client, email, flow, await portal.CodeForAsync(email));
    }

    private static string WrongCode(string code) => code[..^1] + (char)('0' + ((code[^1] - '0' + 1) % 10));

    [Fact]
    public async Task Code_and_flow_sign_in_and_the_response_sets_the_session_cookie()
    {
        var (client, email, flow, code) = await BeginAsync();

        var answer = await client.PostAsync("/login-otp", ("flow", flow), ("code", code));

        answer.Status.ShouldBe(200);
        answer.Body.ShouldBe($$"""{"email":"{{email}}"}""");
        var token = answer.Cookie("auth_token").ShouldNotBeNull().Value;
        (await client.GetAsync("/check-auth", ("Authorization", "Bearer " + token))).Json.GetProperty("email").GetString().ShouldBe(email);
    }

    [Fact]
    public async Task A_code_without_its_flow_is_refused()
    {
        var (client, email, flow, code) = await BeginAsync();

        (await client.PostAsync("/login-otp", ("email", email), ("code", code))).Body.ShouldBe("""{"error":"expired"}""");
        (await client.PostAsync("/login-otp", ("flow", ""), ("code", code))).Status.ShouldBe(410);
        (await client.PostAsync("/login-otp", ("flow", flow[..^1]), ("code", code))).Status.ShouldBe(410);
        (await client.PostAsync("/login-otp", ("flow", (await BeginAsync()).Flow), ("code", code))).Status.ShouldBe(401, "another sign-in");
        (await client.PostAsync("/login-otp", ("flow", flow), ("code", code))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Attempts_and_address_are_checked()
    {
        var (client, email, flow, code) = await BeginAsync();

        (await client.PostAsync("/login-otp", ("flow", flow), ("code", code), ("email", TestUser.New())))
            .Body.ShouldBe("""{"error":"email_mismatch"}""");
        for (var left = 4; left >= 0; left--)
        {
            (await client.PostAsync("/login-otp", ("flow", flow), ("code", WrongCode(code)))).Json.GetProperty("attempts_left").GetInt32()
                .ShouldBe(left);
        }
        (await client.PostAsync("/login-otp", ("flow", flow), ("code", code), ("email", email))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task A_code_can_be_resent_in_the_same_sign_in()
    {
        var (client, email, flow, first) = await BeginAsync();
        (await client.PostAsync("/login/resend")).Status.ShouldBe(410);
        (await client.PostAsync("/login/resend", ("flow", flow))).Status.ShouldBe(429, "the cooldown");
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        var answer = await client.PostAsync("/login/resend", ("flow", flow));

        answer.Status.ShouldBe(202);
        answer.Json.GetProperty("flow").GetString().ShouldBe(flow);
        (await portal.CodesForAsync(email, 2)).ShouldContain(first);
        (await client.PostAsync("/login-otp", ("flow", flow), ("code", first))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Only_one_of_twenty_concurrent_submissions_of_the_code_succeeds()
    {
        var (_, _, flow, code) = await BeginAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20)
            .Select(_ => NewClient().PostAsync("/login-otp", ("flow", flow), ("code", code))));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Count(answer => answer.Cookie("auth_token") is not null).ShouldBe(1);
    }

    [Theory]
    [InlineData("/login-otp")]
    [InlineData("/login/resend")]
    public async Task A_flow_that_differs_from_the_cookie_is_refused(string path)
    {
        var (_, _, attackers, attackersCode) = await BeginAsync();
        var (victim, email) = (portal.NewApiClient(), TestUser.New());
        await victim.PostAsync("/login", ("email", email));
        var code = await portal.CodeForAsync(email);
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        var before = portal.Dump().State;

        var answer = await victim.PostAsync(path, ("flow", attackers), ("code", attackersCode));
        var page = await victim.SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent([KeyValuePair.Create("flow", attackers)]),
            ("Accept", "text/html"));

        (answer.Status, answer.Body).ShouldBe((400, """{"error":"flow_mismatch"}"""));
        (page.Status, page.ContentType).ShouldBe((400, "text/html; charset=utf-8"));
        answer.Cookies.ShouldBeEmpty();
        portal.Dump().State.ShouldBe(before, "neither sign-in was touched");
        (await victim.PostAsync("/login-otp", ("flow", victim.Cookies["otp_flow"]), ("code", code)))
            .Status.ShouldBe(200, "the same value in both is accepted");
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    public async Task A_cross_site_form_cannot_sign_a_user_in_to_another_account(string header, string value)
    {
        var (_, _, flow, code) = await BeginAsync();
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("flow", flow), KeyValuePair.Create("code", code)]);

        var answer = await portal.NewBrowser().SendAsync(HttpMethod.Post, "/login-otp", form, (header, value));

        answer.Status.ShouldBe(403);
        answer.Cookies.ShouldBeEmpty();
        (await NewClient().PostAsync("/login-otp", ("flow", flow), ("code", code))).Status.ShouldBe(200, "and no attempt was used");
    }

    [Fact]
    public async Task The_flow_id_appears_in_neither_pages_nor_logs_nor_the_store()
    {
        var (_, _, flow, code) = await BeginAsync();
        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", TestUser.New()));

        (await browser.GetAsync("/login/code")).Body.ShouldNotContain(browser.Cookies["otp_flow"]);
        await NewClient().PostAsync("/login-otp", ("flow", flow), ("code", code));
        portal.Log.Text.ShouldNotContain(flow);
        portal.Dump().Text.ShouldNotContain(flow);
    }
}
