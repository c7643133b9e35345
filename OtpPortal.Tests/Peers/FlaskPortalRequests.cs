using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Peers;

/// <summary>
/// Tests the requests and responses that the README of the Flask portal documents. A failing test means that existing
/// clients of the Flask portal would break.
/// </summary>
public sealed class FlaskPortalRequests(PortalHost portal) : IClassFixture<PortalHost>
{
    // Acts like curl, which accepts any content type.
    private BrowserClient NewCurl()
    {
        var curl = portal.NewBrowser();
        curl.Headers["Accept"] = "*/*";
        return curl;
    }

    private Task<Answer> CheckAsync(string authorization) => NewCurl().GetAsync("/check-auth", ("Authorization", authorization));

    [Fact]
    public async Task Root_serves_the_login_page()
    {
        var page = await NewCurl().GetAsync("/");

        (page.Status, page.ContentType).ShouldBe((200, "text/html; charset=utf-8"));
        page.Find("form[method=post][action='/login'] input[name=email]").ShouldNotBeNull();
    }

    [Fact]
    public async Task Root_shows_the_email_of_a_signed_in_user()
    {
        var email = TestUser.New();

        (await (await portal.SignInAsync(email)).GetAsync("/")).Text.ShouldContain(email);
    }

    [Fact]
    public async Task Root_removes_the_cookie_of_an_invalid_token()
    {
        var curl = NewCurl();
        curl.Cookies["auth_token"] = "ElRUVOlmLFHuzGEN55rFueaHyey7A8J9";

        (await curl.GetAsync("/")).Cookie("auth_token").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
    }

    [Fact]
    public async Task Login_sends_the_code_and_redirects_to_the_code_form()
    {
        var (curl, email) = (NewCurl(), TestUser.New());

        var answer = await curl.PostAsync("/login", ("email", email));
        var page = await curl.GetAsync(answer.Location!);

        page.Status.ShouldBe(200);
        page.Find("form[method=post][action='/login-otp'] input[name=code]").ShouldNotBeNull();
        (await portal.CodeForAsync(email)).ShouldMatch("^[0-9]{6}$");
    }

    [Fact]
    public async Task Login_without_an_address_returns_400() => (await NewCurl().PostAsync("/login")).Status.ShouldBe(400);

    [Fact]
    public async Task Login_otp_with_email_and_code_sets_the_cookie()
    {
        var (curl, email) = (NewCurl(), TestUser.New());
        await curl.PostAsync("/login", ("email", email));

        var answer = await curl.PostAsync("/login-otp", ("email", email), ("code", await portal.CodeForAsync(email)));

        answer.Status.ShouldBeLessThan(400);
        var cookie = answer.Cookie("auth_token").ShouldNotBeNull();
        cookie.Value.ShouldMatch("^[A-Za-z0-9]{32}$");
        cookie.MaxAge.ShouldBe(604800);
    }

    [Fact]
    public async Task Login_otp_sets_the_cookie_for_a_client_that_keeps_no_cookies()
    {
        var (script, email) = (NewCurl(), TestUser.New());
        script.KeepsCookies = false;
        var begun = await script.SendAsync(HttpMethod.Post, "/login", new FormUrlEncodedContent([KeyValuePair.Create("email", email)]),
            ("Accept", "application/json"));

        var answer = await script.PostAsync(
            "/login-otp", ("flow", begun.Json.GetProperty("flow").GetString()!), ("email", email),
            ("code", await portal.CodeForAsync(email)));

        (await CheckAsync("Bearer " + answer.Cookie("auth_token").ShouldNotBeNull().Value)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Auth_tokens_returns_200_with_a_JSON_array_of_the_tokens()
    {
        var token = (await portal.SignInAsync(TestUser.New())).Cookies["auth_token"];

        var answer = await NewCurl().GetAsync("/auth-tokens", ("Authorization", "Bearer " + PortalHost.Secret));

        (answer.Status, answer.ContentType.Split(';')[0]).ShouldBe((200, "application/json"));
        answer.Json.EnumerateArray().Select(each => each.GetString()).ShouldContain(token);
    }

    [Theory]
    [InlineData("Bearer wrong")]
    [InlineData("wrong")]
    public async Task Auth_tokens_returns_403_for_a_wrong_key(string authorization) =>
        (await NewCurl().GetAsync("/auth-tokens", ("Authorization", authorization))).Status.ShouldBe(403);

    [Fact]
    public async Task Check_auth_returns_200_with_the_rotated_token()
    {
        var token = (await portal.SignInAsync(TestUser.New())).Cookies["auth_token"];

        var answer = await CheckAsync("Bearer " + token);

        answer.Status.ShouldBe(200);
        var successor = answer.Json.GetProperty("auth_token").GetString()!;
        successor.ShouldNotBe(token);
        answer.Cookie("auth_token").ShouldNotBeNull().Value.ShouldBe(successor);
        (await CheckAsync("Bearer " + successor)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Check_auth_accepts_the_token_from_the_cookie() =>
        (await (await portal.SignInAsync(TestUser.New())).GetAsync("/check-auth")).Json.GetProperty("auth_token").GetString()
            .ShouldNotBeNullOrEmpty();

    [Fact]
    public async Task Check_auth_returns_403_for_a_wrong_or_missing_token()
    {
        (await CheckAsync("Bearer ElRUVOlmLFHuzGEN55rFueaHyey7A8J9")).Status.ShouldBe(403);
        (await NewCurl().GetAsync("/check-auth")).Status.ShouldBe(403);
    }
}
