using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests <c>GET /</c> and <c>POST /login</c>: requesting a code.</summary>
public sealed partial class RequestCodeTests(PortalHost portal) : IClassFixture<PortalHost>
{
    /// <summary>Invalid addresses, each with a part of the expected error message.</summary>
    public static TheoryData<string, string> InvalidAddresses => new()
    {
        { "", "Enter your email address." },
        { "   ", "Enter your email address." },
        { "ann", "email address in the correct format" },
        { "ann@", "email address in the correct format" },
        { "@example.com", "email address in the correct format" },
        { "ann@example", "email address in the correct format" },
        { "ann@eve@example.com", "email address in the correct format" },
        { "Ann <ann@example.com>", "email address in the correct format" },
        { "\"ann lee\"@example.com", "email address in the correct format" },
        { "ann@example.com, eve@example.com", "email address in the correct format" },
        { "ann@example.com\r\nBcc: eve@example.com", "email address in the correct format" },
        { "ann\u0001@example.com", "email address in the correct format" },
        { "ann\t@example.com", "email address in the correct format" },
        { "ann@example..com", "email address in the correct format" },
        { "ann@-example.com", "email address in the correct format" },
        { new string('a', 65) + "@example.com", "email address in the correct format" },
        { "ann@" + string.Concat(Enumerable.Repeat("abcdefghi.", 26)) + "x", "email address in the correct format" },
        { "ann@[127.0.0.1]", "email address in the correct format" },
    };

    [Fact]
    public async Task Shows_the_address_page_to_an_unauthenticated_client()
    {
        var answer = await portal.NewBrowser().GetAsync("/");

        answer.Status.ShouldBe(200);
        answer.ContentType.ShouldStartWith("text/html");
        answer.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
        answer.Find("form[method=post][action='/login'] input[name=email][type=email]").ShouldNotBeNull();
        answer.Find("script[data-blazor*='blazor.web']").ShouldNotBeNull();
        answer.Cookies.ShouldBeEmpty();
    }

    [Fact]
    public async Task Submitting_an_address_sends_a_code_and_redirects_to_the_code_page()
    {
        var (browser, email) = (portal.NewBrowser(), TestUser.New());

        var answer = await browser.PostAsync("/login", ("email", email));

        (answer.Status, answer.Location).ShouldBe((303, "/login/code"));
        var page = await browser.GetAsync("/login/code");
        page.Status.ShouldBe(200);
        page.Text.ShouldContain(email);
        (await portal.CodeForAsync(email)).ShouldMatch("^[0-9]{6}$");
    }

    [Fact]
    public async Task The_flow_cookie_is_http_only_lax_and_host_only()
    {
        var answer = await portal.NewBrowser().PostAsync("/login", ("email", TestUser.New()));

        var cookie = answer.Cookie("otp_flow").ShouldNotBeNull();
        cookie.Value.Length.ShouldBe(32);
        cookie.Has("httponly").ShouldBeTrue();
        cookie.Attributes["samesite"].ShouldBe("lax", StringCompareShould.IgnoreCase);
        cookie.Attributes["path"].ShouldBe("/");
        cookie.Has("secure").ShouldBeFalse("PUBLIC_URL is http here");
        cookie.Has("domain").ShouldBeFalse();
    }

    [Fact]
    public async Task A_new_sign_in_replaces_a_planted_flow_id()
    {
        var browser = portal.NewBrowser();
        browser.Cookies["otp_flow"] = new string('A', 32);

        await browser.PostAsync("/login", ("email", TestUser.New()));

        browser.Cookies["otp_flow"].ShouldNotBe(new string('A', 32), "a planted id would give the attacker access to the sign-in");
    }

    [Fact]
    public async Task Returns_the_flow_id_and_the_code_lifetime_as_JSON()
    {
        var answer = await portal.NewApiClient().PostAsync("/login", ("email", TestUser.New()));

        answer.Status.ShouldBe(202);
        answer.ContentType.ShouldStartWith("application/json");
        var cookie = answer.Cookie("otp_flow").ShouldNotBeNull();
        answer.Body.ShouldBe($$"""{"flow":"{{cookie.Value}}","expires_in":300,"resend_in":30}""");
        answer.Header("Cache-Control").ShouldBe("no-store", "it holds a secret of this client");
    }

    [Theory]
    [MemberData(nameof(InvalidAddresses))]
    public async Task An_invalid_address_is_rejected_with_an_error_at_the_field(string typed, string reason)
    {
        var browser = portal.NewBrowser();
        var before = portal.Dump().State;

        var answer = await browser.PostAsync("/login", ("email", typed));

        answer.Status.ShouldBe(400);
        answer.FieldError.ShouldNotBeNull().ShouldContain(reason);
        answer.Find("input[name=email]")!.GetAttribute("aria-invalid").ShouldBe("true");
        answer.Find("input[name=email]")!.GetAttribute("aria-describedby").ShouldBe("email-error");
        answer.Cookie("otp_flow").ShouldBeNull();
        portal.Dump().State.ShouldBe(before);
    }

    [Theory]
    [MemberData(nameof(InvalidAddresses))]
    public async Task Returns_invalid_email_as_JSON_for_an_invalid_address(string typed, string reason)
    {
        reason.ShouldNotBeEmpty();
        var answer = await portal.NewApiClient().PostAsync("/login", ("email", typed));

        answer.Status.ShouldBe(400);
        answer.Body.ShouldBe("""{"error":"invalid_email"}""");
    }

    [Fact]
    public async Task A_form_that_contains_a_null_character_is_rejected()
    {
        var before = portal.Dump().State;

        (await portal.NewBrowser().PostAsync("/login", ("email", "ann\0@example.com"))).Status.ShouldBe(400);
        (await portal.NewApiClient().PostAsync("/login-otp", ("code", "12345\0"))).Status.ShouldBe(400);

        portal.Dump().State.ShouldBe(before);
    }

    [Fact]
    public async Task The_rejected_input_is_shown_again_HTML_encoded()
    {
        var answer = await portal.NewBrowser().PostAsync("/login", ("email", "\"><script>alert(1)</script>"));

        answer.Find("input[name=email]")!.GetAttribute("value").ShouldBe("\"><script>alert(1)</script>");
        answer.Body.ShouldNotContain("<script>alert");
    }

    [Fact]
    public async Task Address_case_and_surrounding_whitespace_are_ignored()
    {
        var (browser, email) = (portal.NewApiClient(), TestUser.New());

        await browser.PostAsync("/login", ("email", $"  {email.ToUpperInvariant()} "));

        var code = await portal.CodeForAsync(email);
        (await browser.PostAsync("/login-otp", ("code", code))).Json.GetProperty("email").GetString().ShouldBe(email);
    }

    [Theory]
    [InlineData("en", "Sign in")]
    [InlineData("de", "Anmelden")]
    [InlineData("fr-CH, fr;q=0.9", "connexion")]
    [InlineData("es-MX", "sesión")]
    [InlineData("zh-CN", "登录")]
    [InlineData("tlh, xx;q=0.5", "Sign in")]
    public async Task The_page_uses_the_language_from_Accept_Language(string accepted, string title)
    {
        var answer = await portal.NewBrowser().GetAsync("/", ("Accept-Language", accepted));

        answer.Find("h1")!.TextContent.ShouldContain(title, Case.Insensitive);
        var language = Language().Match(accepted).Value;
        answer.Find("html")!.GetAttribute("lang").ShouldBe(language is "tlh" ? "en" : language);
    }

    [Fact]
    public async Task The_code_email_uses_the_users_language_and_explains_itself()
    {
        var (browser, email) = (portal.NewBrowser(), TestUser.New());
        await browser.PostAsync("/login", ("email", email));
        var code = await portal.CodeForAsync(email);

        var message = (await browser.GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .First(m => m.GetProperty("to").GetString() == email);

        message.GetProperty("subject").GetString().ShouldBe($"Your OTP Portal code is {code}");
        var text = message.GetProperty("text").GetString()!;
        text.ShouldContain(code);
        text.ShouldContain("5 minutes");
        text.ShouldContain("If you didn't request it, you can ignore this email.");
        var html = message.GetProperty("html").GetString()!;
        html.ShouldContain(code);
        html.ShouldContain("prefers-color-scheme: dark");
        message.GetProperty("sent_at").GetDateTimeOffset().ShouldBe(portal.Clock.GetUtcNow());

        var german = TestUser.New();
        browser.Headers["Accept-Language"] = "de";
        await browser.PostAsync("/login", ("email", german));
        await portal.CodeForAsync(german);
        (await browser.GetAsync("/dev/mailbox.json")).Json.EnumerateArray().First(m => m.GetProperty("to").GetString() == german)
            .GetProperty("subject").GetString().ShouldStartWith("Ihr Code");
    }

    [Fact]
    public async Task The_selected_language_overrides_Accept_Language()
    {
        var browser = portal.NewBrowser();

        var answer = await browser.PostAsync("/language", ("lang", "fr"), ("back", "/?return_to=x"));

        (answer.Status, answer.Location).ShouldBe((303, "/?return_to=x"));
        (await browser.GetAsync("/", ("Accept-Language", "de"))).Find("html")!.GetAttribute("lang").ShouldBe("fr");
    }

    [Theory]
    [InlineData("//evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("https://evil.example/")]
    public async Task Changing_the_language_does_not_redirect_to_another_site(string back)
    {
        var answer = await portal.NewBrowser().PostAsync("/language", ("lang", "de"), ("back", back));

        (answer.Status, answer.Location).ShouldBe((303, "/"));
    }

    [Fact]
    public async Task An_unknown_language_is_rejected() =>
        (await portal.NewBrowser().PostAsync("/language", ("lang", "tlh"))).Status.ShouldBe(400);

    [Fact]
    public async Task The_start_page_links_to_a_sign_in_in_progress()
    {
        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", TestUser.New()));

        (await browser.GetAsync("/")).Find("a[href='/login/code']").ShouldNotBeNull();
    }

    [GeneratedRegex("^[a-z]+", RegexOptions.None, 1000)]
    private static partial Regex Language();
}
