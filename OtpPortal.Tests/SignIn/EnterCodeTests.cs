using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests <c>GET /login/code</c> and <c>POST /login-otp</c>: entering the code.</summary>
public sealed class EnterCodeTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private async Task<(BrowserClient Browser, string Email, string Code)> BeginAsync(BrowserClient? browser = null)
    {
        var email = TestUser.New();
        browser ??= portal.NewApiClient();
        await browser.PostAsync("/login", ("email", email));
        return (browser, email, await portal.CodeForAsync(email));
    }

    private static string WrongCode(string code) => code[..^1] + (char)('0' + ((code[^1] - '0' + 1) % 10));

    [Fact]
    public async Task The_correct_code_signs_the_user_in()
    {
        var (browser, email, code) = await BeginAsync(portal.NewBrowser());

        var answer = await browser.PostAsync("/login-otp", ("code", code));

        (answer.Status, answer.Location).ShouldBe((303, "/"));
        (await browser.GetAsync("/")).Text.ShouldContain($"Signed in {email}");
    }

    [Fact]
    public async Task The_session_cookie_is_http_only_lax_and_host_only()
    {
        var (browser, _, code) = await BeginAsync();

        var answer = await browser.PostAsync("/login-otp", ("code", code));

        var cookie = answer.Cookie("auth_token").ShouldNotBeNull();
        cookie.Value.ShouldMatch("^[A-Za-z0-9]{32}$");
        cookie.Has("httponly").ShouldBeTrue();
        cookie.Attributes["samesite"].ShouldBe("lax", StringCompareShould.IgnoreCase);
        cookie.Attributes["path"].ShouldBe("/");
        cookie.MaxAge.ShouldBe(604800);
        cookie.Has("secure").ShouldBeFalse("PUBLIC_URL is http here");
        cookie.Has("domain").ShouldBeFalse();
        answer.Cookie("otp_flow").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
    }

    [Fact]
    public async Task Cookies_are_secure_over_HTTPS_and_use_the_configured_domain()
    {
        await using var https = await PortalHost.StartAsync(
            ("PUBLIC_URL", "https://login.example.com"), ("COOKIE_DOMAIN", "example.com"), ("AUTH_TOKEN_COOKIE_NAME", "__Secure-session"));
        var (browser, email) = (https.NewBrowser(), TestUser.New());

        var begun = await browser.PostAsync("/login", ("email", email));
        var done = await browser.PostAsync("/login-otp", ("code", await https.CodeForAsync(email)));

        begun.Cookie("otp_flow")!.Has("secure").ShouldBeTrue();
        var token = done.Cookie("__Secure-session").ShouldNotBeNull();
        token.Has("secure").ShouldBeTrue();
        token.Attributes["domain"].ShouldBe("example.com");
        done.Header("Strict-Transport-Security").ShouldNotBeNull();
    }

    [Fact]
    public async Task Returns_the_email_address_as_JSON()
    {
        var (browser, email, code) = await BeginAsync();

        var answer = await browser.PostAsync("/login-otp", ("code", code), ("email", email));

        answer.Status.ShouldBe(200);
        answer.Body.ShouldBe($$"""{"email":"{{email}}"}""");
    }

    [Fact]
    public async Task A_wrong_code_redirects_to_the_code_page_that_shows_the_remaining_attempts()
    {
        var (browser, _, code) = await BeginAsync(portal.NewBrowser());

        var answer = await browser.PostAsync("/login-otp", ("code", WrongCode(code)));

        (answer.Status, answer.Location).ShouldBe((303, "/login/code"));
        answer.Cookie("auth_token").ShouldBeNull();
        var page = await browser.GetAsync("/login/code");
        page.FieldError.ShouldBe("Incorrect code. 4 attempts left.");
        page.Find("input[name=code]")!.GetAttribute("aria-invalid").ShouldBe("true");
        (await browser.GetAsync("/login/code")).FieldError.ShouldBe("Incorrect code. 4 attempts left.", "a reload shows the same step");
        (await browser.PostAsync("/login-otp", ("code", code))).Location.ShouldBe("/", "the correct code is still accepted");
    }

    [Fact]
    public async Task Five_wrong_codes_end_the_sign_in()
    {
        var (browser, email, code) = await BeginAsync();

        for (var left = 4; left >= 0; left--)
        {
            var wrong = await browser.PostAsync("/login-otp", ("code", WrongCode(code)));
            wrong.Status.ShouldBe(401);
            wrong.Body.ShouldBe($$"""{"error":"wrong_code","attempts_left":{{left}}}""");
        }

        var right = await browser.PostAsync("/login-otp", ("code", code));
        right.Status.ShouldBe(429);
        right.Body.ShouldBe("""{"error":"too_many_attempts"}""");
        browser.Cookies.ShouldNotContainKey("auth_token");

        browser.Headers["Accept"] = "text/html";
        var page = await browser.GetAsync("/login/code");
        (page.Status, page.Location).ShouldBe((303, "/"));
        (await browser.GetAsync("/")).Text.ShouldContain("too many incorrect codes");
        (await browser.GetAsync("/")).Text.ShouldNotContain("too many incorrect codes", Case.Insensitive, "it is said once");
        (await browser.PostAsync("/login", ("email", email))).Status.ShouldBe(303, "the user can start again");
    }

    [Fact]
    public async Task A_browser_is_redirected_to_the_start_page_after_too_many_wrong_codes()
    {
        var (browser, _, code) = await BeginAsync(portal.NewBrowser());
        for (var i = 0; i < 6; i++)
        {
            var answer = await browser.PostAsync("/login-otp", ("code", WrongCode(code)));
            (answer.Status, answer.Location).ShouldBe((303, "/login/code"));
        }

        (await browser.GetAsync("/login/code")).Location.ShouldBe("/");
    }

    [Fact]
    public async Task An_expired_code_is_refused()
    {
        var (browser, _, code) = await BeginAsync();
        portal.Clock.Advance(TimeSpan.FromSeconds(299));
        (await browser.PostAsync("/login-otp", ("code", WrongCode(code)))).Status.ShouldBe(401, "not yet over");

        portal.Clock.Advance(TimeSpan.FromSeconds(1));

        var answer = await browser.PostAsync("/login-otp", ("code", code));
        answer.Status.ShouldBe(410);
        answer.Body.ShouldBe("""{"error":"expired"}""");
        browser.Headers["Accept"] = "text/html";
        (await browser.GetAsync("/login/code")).Location.ShouldBe("/");
        (await browser.GetAsync("/")).Text.ShouldContain("This code has expired");
    }

    [Fact]
    public async Task A_code_can_be_used_only_once()
    {
        var (browser, _, code) = await BeginAsync();
        var flow = browser.Cookies["otp_flow"];
        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(200);

        var thief = portal.NewApiClient();
        thief.Cookies["otp_flow"] = flow;
        var again = await thief.PostAsync("/login-otp", ("code", code));

        again.Status.ShouldBe(410);
        thief.Cookies.ShouldNotContainKey("auth_token");
    }

    [Fact]
    public async Task Only_one_of_twenty_concurrent_submissions_of_the_code_succeeds()
    {
        var (browser, email, code) = await BeginAsync();
        var rivals = Enumerable.Range(0, 20).Select(_ =>
        {
            var rival = portal.NewApiClient();
            rival.Cookies["otp_flow"] = browser.Cookies["otp_flow"];
            return rival;
        }).ToList();

        var answers = await Task.WhenAll(rivals.Select(rival => rival.PostAsync("/login-otp", ("code", code))));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Count(answer => answer.Cookie("auth_token") is not null).ShouldBe(1);
        answers.Where(answer => answer.Status != 200).ShouldAllBe(answer => answer.Status == 410 || answer.Status == 429);
        email.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_code_is_refused_in_another_browser()
    {
        var (_, _, code) = await BeginAsync();
        var (phisher, _, _) = await BeginAsync();

        (await phisher.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(401, "another sign-in's code");
        (await portal.NewApiClient().PostAsync("/login-otp", ("code", code))).Status.ShouldBe(410, "no sign-in at all");
    }

    [Fact]
    public async Task A_submitted_address_must_match_the_address_of_the_sign_in()
    {
        var (browser, email, code) = await BeginAsync();

        (await browser.PostAsync("/login-otp", ("code", code), ("email", TestUser.New()))).Status.ShouldBe(400);
        (await browser.PostAsync("/login-otp", ("code", code), ("email", email.ToUpperInvariant()))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("{0} {1}")]
    [InlineData("{0}-{1}")]
    [InlineData(" {0}\u2009{1}\n")]
    [InlineData("{0}\u2013{1}")]
    public async Task Separators_in_a_pasted_code_are_ignored(string form)
    {
        var (browser, _, code) = await BeginAsync();

        var answer = await browser.PostAsync("/login-otp", ("code", string.Format(null, form, code[..3], code[3..])));

        answer.Status.ShouldBe(200);
    }

    [Fact]
    public async Task Full_width_digits_are_accepted()
    {
        var (browser, _, code) = await BeginAsync();

        (await browser.PostAsync("/login-otp", ("code", string.Concat(code.Select(c => (char)(c - '0' + '０')))))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("")]
    [InlineData("12345")]
    [InlineData("1234567")]
    [InlineData("12345a")]
    [InlineData("abcdef")]
    [InlineData("12345\u0001")]
    [InlineData("١٢٣٤٥")]
    [InlineData("-12345")]
    [InlineData("1e5")]
    [InlineData("THOUSAND")]
    public async Task A_malformed_code_does_not_count_as_an_attempt(string typed)
    {
        if (typed == "THOUSAND") typed = new string('1', 1000);
        var (browser, _, code) = await BeginAsync();

        for (var i = 0; i < 6; i++) (await browser.PostAsync("/login-otp", ("code", typed))).Body.ShouldBe("""{"error":"invalid_code"}""");

        (await browser.PostAsync("/login-otp", ("code", WrongCode(code)))).Json.GetProperty("attempts_left").GetInt32().ShouldBe(4);
        browser.Headers["Accept"] = "text/html";
        var page = await browser.PostAsync("/login-otp", ("code", typed));
        page.Status.ShouldBe(400);
        page.FieldError.ShouldBe("Enter all 6 digits.");
    }

    [Fact]
    public async Task The_code_page_has_a_single_field_with_one_time_code_autofill()
    {
        var (browser, email, _) = await BeginAsync(portal.NewBrowser());

        var page = await browser.GetAsync("/login/code");

        var field = page.Find("form[action='/login-otp'] input[name=code]").ShouldNotBeNull();
        field.GetAttribute("inputmode").ShouldBe("numeric");
        field.GetAttribute("autocomplete").ShouldBe("one-time-code");
        page.Page.QuerySelectorAll("form[action='/login-otp'] input").Length.ShouldBe(1);
        page.Find("form[action='/login/resend'] button").ShouldNotBeNull();
        page.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
        page.Text.ShouldContain(email);
        page.Text.ShouldContain("5:00");
    }

    [Fact]
    public async Task The_code_page_shows_that_the_message_was_sent()
    {
        var (browser, _, _) = await BeginAsync(portal.NewBrowser());

        portal.Clock.Advance(TimeSpan.FromSeconds(2));
        (await browser.GetAsync("/login/code")).Find(".portal-progress")!.TextContent.ShouldContain("Sent.");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("short")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("../../../../../../../../etc/pass*")]
    public async Task The_code_page_redirects_to_the_start_page_without_a_live_sign_in(string? cookie)
    {
        var browser = portal.NewBrowser();
        if (cookie is not null) browser.Cookies["otp_flow"] = cookie;

        var page = await browser.GetAsync("/login/code");
        (page.Status, page.Location).ShouldBe((303, "/"));
        var post = await browser.PostAsync("/login-otp", ("code", "123456"));
        (post.Status, post.Location).ShouldBe((303, "/login/code"));
    }

    [Fact]
    public async Task Reloading_the_code_page_does_not_send_another_message()
    {
        var (browser, email, _) = await BeginAsync(portal.NewBrowser());

        for (var i = 0; i < 5; i++) await browser.GetAsync("/login/code");
        // Messages are delivered in order, so an earlier one would have arrived by now.
        await BeginAsync();

        (await portal.CodesAsync(email)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_sign_in_can_be_continued_on_another_replica()
    {
        await using var replica = await portal.StartReplicaAsync();
        var (browser, email, code) = await BeginAsync(portal.NewBrowser());
        await browser.PostAsync("/login-otp", ("code", WrongCode(code)));

        var other = replica.NewBrowser();
        other.Cookies["otp_flow"] = browser.Cookies["otp_flow"];
        var page = await other.GetAsync("/login/code");
        page.Text.ShouldContain(email);
        page.FieldError.ShouldNotBeNull().ShouldContain("4 attempts");
        (await other.PostAsync("/login-otp", ("code", code))).Location.ShouldBe("/");
        browser.Cookies["auth_token"] = other.Cookies["auth_token"];
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Code_length_expiry_attempts_and_cooldown_are_configurable()
    {
        await using var other = await PortalHost.StartAsync(
            ("OTP_CODE_LENGTH", "9"), ("OTP_CODE_EXPIRY", "60"), ("OTP_MAX_ATTEMPTS", "1"), ("OTP_RESEND_COOLDOWN", "5"));
        var (browser, email) = (other.NewApiClient(), TestUser.New());

        (await browser.PostAsync("/login", ("email", email))).Body.ShouldEndWith(""","expires_in":60,"resend_in":5}""");
        var code = await other.CodeForAsync(email);

        code.ShouldMatch("^[0-9]{9}$");
        (await browser.PostAsync("/login-otp", ("code", WrongCode(code)))).Json.GetProperty("attempts_left").GetInt32().ShouldBe(0);
        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task Signing_in_again_revokes_the_previous_session_of_the_browser()
    {
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        var earlier = browser.Cookies["auth_token"];

        await portal.SignInAsync(email, browser);

        var thief = portal.NewApiClient();
        (await thief.GetAsync("/check-auth", ("Authorization", $"Bearer {earlier}"))).Status.ShouldBe(403);
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
    }
}
