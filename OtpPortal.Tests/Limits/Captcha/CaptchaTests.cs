using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Limits.Captcha;

/// <summary>The captcha: thresholds, verification, outages, and waiting instead of a captcha.</summary>
public sealed class CaptchaTests : IAsyncLifetime
{
    private const string Field = "cf-turnstile-response";
    private const string Prompt = "Complete the check below to get another code, or wait 30 seconds and try again. Nothing was sent.";
    private const string Incorrect =
        "The check failed or expired, so nothing was sent. Complete it again, or wait 30 seconds and try again.";
    private const string Unavailable = "The check isn't available right now, so nothing was sent. Wait 30 seconds and try again.";

    private readonly string _email = TestUser.New();
    private VerificationServer _service = null!;

    public async Task InitializeAsync() => _service = await VerificationServer.StartAsync();

    public async Task DisposeAsync() => await _service.DisposeAsync();

    private Task<PortalHost> StartAsync(params (string Name, string Value)[] settings) => PortalHost.StartWithAsync(
        null, _service.Address,
        [("CAPTCHA_PROVIDER", "turnstile"), ("CAPTCHA_SITE_KEY", "site-key"), ("CAPTCHA_SECRET_KEY", "secret-key"),
            ("CAPTCHA_API_URL", _service.Url), .. settings]);

    // Requests three codes, each from another network, so that the address is at the threshold.
    private async Task<PortalHost> StartAtThresholdAsync(params (string Name, string Value)[] settings)
    {
        var portal = await StartAsync(settings);
        await ReachThresholdAsync(portal, _email);
        return portal;
    }

    private static async Task ReachThresholdAsync(PortalHost portal, string email)
    {
        for (var i = 0; i < 3; i++) (await portal.NewApiClient().PostAsync("/login", ("email", email))).Status.ShouldBe(202);
    }

    private static string TicketOf(Answer page) =>
        page.Find("form[action='/login'] input[name=captcha_ticket]").ShouldNotBeNull().GetAttribute("value")!;

    private async Task<string> TicketAsync(PortalHost portal) => TicketOf(await portal.NewBrowser().PostAsync("/login", ("email", _email)));

    [Fact]
    public async Task Without_a_captcha_service_no_captcha_is_required()
    {
        await using var portal = await PortalHost.StartAsync(("CAPTCHA_AFTER", "1/900"));

        await ReachThresholdAsync(portal, _email);

        (await portal.NewApiClient().PostAsync("/login", ("email", _email))).Status.ShouldBe(202);
    }

    [Fact]
    public async Task An_address_over_the_threshold_requires_a_captcha()
    {
        await using var portal = await StartAsync();
        await ReachThresholdAsync(portal, _email);
        await portal.CodesForAsync(_email, 3);

        var page = await portal.NewBrowser().PostAsync("/login", ("email", _email));
        page.Status.ShouldBe(429);
        page.RetryAfter.ShouldBe(30);
        page.FieldError.ShouldBe(Prompt);
        page.Header("Cache-Control").ShouldBe("no-store");
        page.Cookie("otp_flow").ShouldBeNull();
        page.Find("input[name=email]")!.GetAttribute("value").ShouldBe(_email);
        page.Find("form[action='/login'] .cf-turnstile")!.GetAttribute("data-sitekey").ShouldBe("site-key");
        page.Body.ShouldNotContain("secret-key");

        var program = await portal.NewApiClient().PostAsync("/login", ("email", _email));
        program.Status.ShouldBe(429);
        program.RetryAfter.ShouldBe(30);
        program.Json.EnumerateObject().Select(property => property.Name).ShouldBe(["error", "ticket"]);
        program.Json.GetProperty("error").GetString().ShouldBe("captcha_required");

        (await portal.CodesAsync(_email)).Count.ShouldBe(3);
        _service.Requests.ShouldBeEmpty("there was nothing to verify");
        (await portal.NewApiClient().PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(202, "other callers are not affected");
        portal.Clock.Advance(TimeSpan.FromSeconds(900));
        (await portal.NewApiClient().PostAsync("/login", ("email", _email))).Status.ShouldBe(202, "the window has ended");
    }

    [Fact]
    public async Task A_network_over_the_threshold_requires_a_captcha_for_every_address()
    {
        await using var portal = await StartAsync(("CAPTCHA_AFTER", "2/60"));
        var browser = portal.NewBrowser();
        for (var i = 0; i < 2; i++) (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(303);

        for (var i = 0; i < 3; i++) (await browser.PostAsync("/login", ("email", _email))).FieldError.ShouldBe(Prompt);

        (await portal.NewApiClient().PostAsync("/login", ("email", _email))).Status
            .ShouldBe(202, "a refused request does not consume the limit of the address");
        portal.Clock.Advance(TimeSpan.FromSeconds(60));
        (await browser.PostAsync("/login", ("email", _email))).Status.ShouldBe(303);
    }

    [Fact]
    public async Task A_resent_code_counts_but_requires_no_captcha()
    {
        await using var portal = await StartAsync(("CAPTCHA_AFTER", "2/900"));
        var browser = portal.NewApiClient();
        await browser.PostAsync("/login", ("email", _email));
        for (var i = 0; i < 2; i++)
        {
            portal.Clock.Advance(TimeSpan.FromSeconds(30));
            (await browser.PostAsync("/login/resend")).Status.ShouldBe(202);
        }

        (await portal.NewApiClient().PostAsync("/login", ("email", _email))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task A_correct_response_is_verified_with_the_service_and_accepted()
    {
        await using var portal = await StartAtThresholdAsync();
        var browser = portal.NewBrowser();
        var ticket = TicketOf(await browser.PostAsync("/login", ("email", _email)));

        var answer = await browser.PostAsync("/login", ("email", _email), (Field, "right"), ("captcha_ticket", ticket));

        (answer.Status, answer.Location).ShouldBe((303, "/login/code"));
        await portal.CodesForAsync(_email, 4);
        var request = _service.Requests.ShouldHaveSingleItem();
        (request.Method, request.Path, request.ContentType).ShouldBe(
            ("POST", "/turnstile/v0/siteverify", "application/x-www-form-urlencoded"));
        request.Form.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => $"{field.Key}={field.Value}").ShouldBe(
            [$"remoteip={browser.Source}", "response=right", "secret=secret-key", "sitekey=site-key"]);
        portal.Log.Text.ShouldNotContain("secret-key");
    }

    [Fact]
    public async Task A_response_below_the_threshold_is_not_verified()
    {
        await using var portal = await StartAsync();

        (await portal.NewApiClient().PostAsync("/login", ("email", _email), (Field, "right"))).Status.ShouldBe(202);

        _service.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("turnstile", "cf-turnstile")]
    [InlineData("hcaptcha", "h-captcha")]
    [InlineData("recaptcha", "g-recaptcha")]
    public async Task Renders_the_widget_and_reads_the_response_field_of_each_service(string provider, string name)
    {
        await using var portal = await StartAtThresholdAsync(("CAPTCHA_PROVIDER", provider));

        var page = await portal.NewBrowser().PostAsync("/login", ("email", _email));
        page.Find($"form .{name}")!.GetAttribute("data-sitekey").ShouldBe("site-key");
        var script = new Uri(page.Page.QuerySelectorAll("form script[src]").ShouldHaveSingleItem().GetAttribute("src")!);
        script.Scheme.ShouldBe("https");

        (await portal.NewBrowser().PostAsync("/login", ("email", _email), (name + "-response", "right"))).Status.ShouldBe(303);
    }

    [Fact]
    public async Task A_response_is_accepted_only_once()
    {
        await using var portal = await StartAtThresholdAsync();
        (await portal.NewBrowser().PostAsync("/login", ("email", _email), (Field, "right"))).Status.ShouldBe(303);

        var again = await portal.NewBrowser().PostAsync("/login", ("email", _email), (Field, "right"));

        (again.Status, again.FieldError).ShouldBe((429, Incorrect));
    }

    [Theory]
    [InlineData("wrong", Incorrect, 1)]
    [InlineData("", Prompt, 0)]
    [InlineData("   ", Prompt, 0)]
    [InlineData("too long", Incorrect, 0)]
    public async Task A_wrong_empty_or_oversized_response_is_refused(string response, string error, int requests)
    {
        await using var portal = await StartAtThresholdAsync(("CAPTCHA_FAIL", "open"));
        if (response == "too long") response = new string('x', 8193);

        var page = await portal.NewBrowser().PostAsync("/login", ("email", _email), (Field, response));

        (page.Status, page.FieldError).ShouldBe((429, error));
        _service.Requests.Count.ShouldBe(requests);
        (await portal.CodesForAsync(_email, 3)).Count.ShouldBe(3);
    }

    private static readonly (int Status, string Body)[] s_failures =
    [
        (500, "{}"),
        (503, "<html>down</html>"),
        (429, ""),
        (302, ""),
        (404, "no such page"),
        (200, "<html>a captive portal</html>"),
        (200, """{"success":"perhaps"}"""),
        (200, "null"),
        (200, """{"success":false,"error-codes":["internal-error"]}"""),
        (200, """{"success":false,"error-codes":["invalid-input-secret"]}"""),
        (400, """{"success":false,"error-codes":["missing-input-secret"]}"""),
    ];

    [Fact]
    public async Task With_fail_closed_only_waiting_helps_while_the_service_is_unavailable()
    {
        await using var portal = await StartAsync();
        foreach (var failure in s_failures)
        {
            _service.Always = failure;
            var email = TestUser.New();
            await ReachThresholdAsync(portal, email);
            var page = await portal.NewBrowser().PostAsync("/login", ("email", email), (Field, "right"));
            (page.Status, page.FieldError).ShouldBe((429, Unavailable), failure.ToString());

            portal.Clock.Advance(TimeSpan.FromSeconds(30));
            (await portal.NewBrowser().PostAsync("/login", ("email", email), (Field, "right"), ("captcha_ticket", TicketOf(page)))).Status
                .ShouldBe(303);
        }
        _service.Requests.Count.ShouldBe(s_failures.Length, "a user who has waited is not verified");
        portal.Log.Lines.Count(
            line => line.Contains("Could not verify a captcha", StringComparison.Ordinal)).ShouldBe(s_failures.Length - 2);
        portal.Log.Lines.Count(line => line.StartsWith(
            "Error", StringComparison.Ordinal) && line.Contains("rejected CAPTCHA_SECRET_KEY", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task With_fail_open_any_response_is_accepted_while_the_service_is_unavailable()
    {
        await using var portal = await StartAsync(("CAPTCHA_FAIL", "open"));
        foreach (var failure in s_failures)
        {
            _service.Always = failure;
            var email = TestUser.New();
            await ReachThresholdAsync(portal, email);
            (await portal.NewBrowser().PostAsync("/login", ("email", email), (Field, "any"))).Status.ShouldBe(303, failure.ToString());
            (await portal.NewBrowser().PostAsync("/login", ("email", email))).FieldError.ShouldBe(Prompt, "there must be a response");
        }
    }

    [Theory]
    [InlineData("closed", 429)]
    [InlineData("open", 303)]
    public async Task An_unresponsive_service_times_out_after_5_seconds(string fail, int status)
    {
        _service.Always = (200, null);
        await using var portal = await StartAtThresholdAsync(("CAPTCHA_FAIL", fail));
        var pending = portal.NewBrowser().PostAsync("/login", ("email", _email), (Field, "right"));
        await Eventually.BeTrueAsync(() => _service.Requests.Count == 1);
        pending.IsCompleted.ShouldBeFalse();

        portal.Clock.Advance(TimeSpan.FromSeconds(5));

        (await pending).Status.ShouldBe(status);
        portal.Log.Text.ShouldContain("no response within 5 s");
        await _service.StopAsync();
        (await portal.NewBrowser().PostAsync("/login", ("email", _email), (Field, "right"))).Status.ShouldBe(status);
    }

    [Fact]
    public async Task Waiting_replaces_the_captcha_for_users_without_JavaScript()
    {
        await using var portal = await StartAtThresholdAsync();
        var browser = portal.NewBrowser();
        var ticket = TicketOf(await browser.PostAsync("/login", ("email", _email)));

        portal.Clock.Advance(TimeSpan.FromSeconds(20));
        var early = await browser.PostAsync("/login", ("email", _email), ("captcha_ticket", ticket));
        (early.Status, early.RetryAfter).ShouldBe((429, 10));
        early.FieldError.ShouldBe("Complete the check below, or wait 10 seconds longer and try again. Nothing was sent.");
        TicketOf(early).ShouldBe(ticket, "the wait goes on");

        portal.Clock.Advance(TimeSpan.FromSeconds(10));
        (await browser.PostAsync("/login", ("email", _email), ("captcha_ticket", ticket))).Location.ShouldBe("/login/code");
        await portal.CodesForAsync(_email, 4);
        _service.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_API_client_can_wait_and_redeem_its_ticket_on_another_replica()
    {
        await using var portal = await StartAtThresholdAsync();
        await using var replica = await portal.StartReplicaAsync();
        var ticket = (await portal.NewApiClient().PostAsync("/login", ("email", _email))).Json.GetProperty("ticket").GetString()!;
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        (await replica.NewApiClient().PostAsync("/login", ("email", _email), ("captcha_ticket", ticket))).Status.ShouldBe(202);
        (await portal.NewApiClient().PostAsync("/login", ("email", _email), ("captcha_ticket", ticket))).Status
            .ShouldBe(429, "it was used there");
    }

    [Fact]
    public async Task A_ticket_is_accepted_once_when_submitted_concurrently()
    {
        await using var portal = await StartAtThresholdAsync(("LIMIT_SENDS_PER_ADDRESS", "100/900"));
        var ticket = await TicketAsync(portal);
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => portal.NewApiClient().PostAsync("/login", ("email", _email), ("captcha_ticket", ticket))));

        answers.Count(answer => answer.Status == 202).ShouldBe(1);
    }

    [Fact]
    public async Task A_ticket_is_bound_to_its_address()
    {
        await using var portal = await StartAtThresholdAsync();
        var other = TestUser.New();
        await ReachThresholdAsync(portal, other);
        var ticket = await TicketAsync(portal);
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        var answer = await portal.NewBrowser().PostAsync("/login", ("email", other), ("captcha_ticket", ticket));

        (answer.Status, answer.RetryAfter, answer.FieldError).ShouldBe((429, 30, Prompt));
        TicketOf(answer).ShouldNotBe(ticket);
        (await portal.NewBrowser().PostAsync("/login", ("email", _email.ToUpperInvariant()), ("captcha_ticket", ticket))).Status
            .ShouldBe(303, "the same address in another spelling");
    }

    [Fact]
    public async Task A_ticket_expires_10_minutes_after_the_wait()
    {
        await using var portal = await StartAtThresholdAsync();
        var (late, inTime) = (await TicketAsync(portal), await TicketAsync(portal));

        portal.Clock.Advance(TimeSpan.FromSeconds(629));
        (await portal.NewBrowser().PostAsync("/login", ("email", _email), ("captcha_ticket", inTime))).Status.ShouldBe(303);
        portal.Clock.Advance(TimeSpan.FromSeconds(1));
        (await portal.NewBrowser().PostAsync("/login", ("email", _email), ("captcha_ticket", late))).FieldError.ShouldBe(Prompt);
    }

    [Fact]
    public async Task A_forged_ticket_is_refused()
    {
        await using var portal = await StartAtThresholdAsync();
        var ticket = await TicketAsync(portal);
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        var other = ticket[5] == 'A' ? 'B' : 'A';
        string[] forged =
            [ticket[..5] + other + ticket[6..], ticket[..^4], ticket + "AAAA", "AAAA", "!", "ü", "a b", new string('A', 5000), "0|0"];

        foreach (var text in forged)
            (await portal.NewBrowser().PostAsync("/login", ("email", _email), ("captcha_ticket", text))).FieldError.ShouldBe(Prompt, text);

        (await portal.NewBrowser().PostAsync("/login", ("email", _email), ("captcha_ticket", ticket))).Status.ShouldBe(303);
    }

    [Fact]
    public async Task Beyond_the_send_limit_no_captcha_is_offered()
    {
        await using var portal = await StartAtThresholdAsync(("LIMIT_SENDS_PER_ADDRESS", "3/900"));

        var page = await portal.NewBrowser().PostAsync("/login", ("email", _email), (Field, "right"));

        page.Status.ShouldBe(429);
        page.FieldError.ShouldNotBeNull().ShouldStartWith("Wait 15 minutes");
        page.Find(".cf-turnstile").ShouldBeNull();
        _service.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Responses_do_not_reveal_whether_an_address_is_allowed_to_sign_in()
    {
        await using var portal = await StartAsync(("ALLOWED_EMAILS", "*@friends.example"));

        async Task<string> RunScenarioAsync(string email)
        {
            var seen = new List<string>();
            for (var i = 0; i < 3; i++) seen.Add(await BeginAsync());
            var page = await portal.NewBrowser().PostAsync("/login", ("email", email));
            var ticket = TicketOf(page);
            var headers = page.Headers.Concat(page.ContentHeaders).Where(header => header.Key != "Date")
                .Select(header => $"{header.Key}: {string.Join(',', header.Value)}");
            var form = page.Find("main form")!.OuterHtml
                .Replace(ticket, $"TICKET {ticket.Length}", StringComparison.Ordinal)
                .Replace(email, "EMAIL", StringComparison.Ordinal);
            seen.Add($"{page.Status} {string.Join('\n', headers)} {form}");
            seen.Add((await portal.NewApiClient().PostAsync("/login", ("email", email), (Field, "wrong"))).Status.ToString(null, null));
            portal.Clock.Advance(TimeSpan.FromSeconds(30));
            seen.Add(await BeginAsync(("captcha_ticket", ticket)));
            return string.Join('\n', seen);

            // Masks the sign-in id, which is unique but always of the same length.
            async Task<string> BeginAsync(params (string Name, string Value)[] more)
            {
                var answer = await portal.NewApiClient().PostAsync("/login", [("email", email), .. more]);
                return answer.Json.TryGetProperty("flow", out var flow)
                    ? answer.Body.Replace(flow.GetString()!, $"FLOW {flow.GetString()!.Length}", StringComparison.Ordinal) : answer.Body;
            }
        }

        var ours = await RunScenarioAsync("joe@friends.example");
        var theirs = await RunScenarioAsync("eve@enemies.example");

        theirs.ShouldBe(ours);
        (await portal.CodesAsync("eve@enemies.example")).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(
        "turnstile", "script-src 'self' https://challenges.cloudflare.com", "frame-src 'self' https://challenges.cloudflare.com",
        "connect-src 'self' https://challenges.cloudflare.com")]
    [InlineData(
        "hcaptcha", "script-src 'self' https://hcaptcha.com https://*.hcaptcha.com",
        "frame-src 'self' https://hcaptcha.com https://*.hcaptcha.com", "connect-src 'self' https://hcaptcha.com https://*.hcaptcha.com")]
    [InlineData(
        "recaptcha", "script-src 'self' https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
        "frame-src 'self' https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
        "connect-src 'self' https://www.google.com/recaptcha/")]
    public async Task Only_the_page_with_the_widget_allows_the_scripts_of_the_service(string provider, params string[] directives)
    {
        await using var portal = await StartAtThresholdAsync(("CAPTCHA_PROVIDER", provider));
        var plain = await portal.NewBrowser().GetAsync("/");
        var refused = await portal.NewBrowser().PostAsync("/login", ("email", "nobody"));

        var page = await portal.NewBrowser().PostAsync("/login", ("email", _email));

        var policy = page.Header("Content-Security-Policy")!.Split("; ");
        foreach (var directive in directives) policy.ShouldContain(directive);
        policy.ShouldContain("default-src 'self'");
        policy.ShouldContain("frame-ancestors 'none'");
        page.Page.QuerySelectorAll("script:not([src])").Where(script => script.GetAttribute("type") is null or "text/javascript")
            .ShouldBeEmpty();
        page.Header("Cross-Origin-Opener-Policy").ShouldBe("same-origin");
        foreach (var other in (Answer[])[plain, refused, await portal.NewBrowser().GetAsync("/")])
        {
            var theirs = other.Header("Content-Security-Policy")!;
            theirs.ShouldContain("script-src 'self';");
            theirs.ShouldNotContain("frame-src");
            other.Find("form script").ShouldBeNull();
        }
    }

    [Fact]
    public async Task The_form_with_the_widget_is_not_interactive()
    {
        await using var portal = await StartAtThresholdAsync();
        const string Marker = "<!--Blazor:{\"type\":\"server\"";
        (await portal.NewBrowser().GetAsync("/")).Body.ShouldContain(Marker);

        // A circuit draws its part of the page again, and the widget would be gone.
        (await portal.NewBrowser().PostAsync("/login", ("email", _email))).Body.ShouldNotContain(Marker);
    }

    [Fact]
    public async Task The_redirect_target_is_kept()
    {
        await using var portal = await StartAtThresholdAsync(("ALLOWED_REDIRECTS", "app.example.com"));
        var browser = portal.NewBrowser();
        await browser.GetAsync("/?return_to=https://app.example.com/x");

        var page = await browser.PostAsync("/login", ("email", _email), ("return_to", "https://app.example.com/x"));
        var kept = page.Find("input[name=return_to]").ShouldNotBeNull().GetAttribute("value")!;
        await browser.PostAsync("/login", ("email", _email), ("return_to", kept), (Field, "right"));
        var code = (await portal.CodesForAsync(_email, 4))[^1];

        (await browser.PostAsync("/login-otp", ("code", code))).Location.ShouldBe("https://app.example.com/x");
    }

    [Fact]
    public async Task Records_a_required_captcha_in_the_audit_log()
    {
        await using var portal = await StartAtThresholdAsync();
        await portal.NewBrowser().PostAsync("/login", ("email", _email));

        await Eventually.BeTrueAsync(() => portal.Dump().Text.Contains("CAPTCHA_AFTER", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("de", "Schließen Sie die Prüfung unten ab")]
    [InlineData("fr", "Pour recevoir un autre code")]
    [InlineData("es", "Complete la comprobación de abajo")]
    [InlineData("zh", "请完成下方的验证")]
    public async Task The_captcha_prompt_is_localized(string language, string beginning)
    {
        await using var portal = await StartAtThresholdAsync();
        var browser = portal.NewBrowser();
        browser.Headers["Accept-Language"] = language;

        (await browser.PostAsync("/login", ("email", _email))).FieldError.ShouldNotBeNull().ShouldStartWith(beginning);
    }
}
