using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.SignIn;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>A portal with <c>MAIL_LINK</c> enabled.</summary>
public sealed class MailLinkPortal : IAsyncLifetime
{
    public PortalHost Portal { get; private set; } = null!;

    public async Task InitializeAsync() => Portal = await PortalHost.StartAsync(("MAIL_LINK", "true"));

    public async Task DisposeAsync() => await Portal.DisposeAsync();
}

/// <summary>Tests <c>MAIL_LINK</c>: the link signs in only the browser that requested the email.</summary>
public sealed partial class MailLinkTests(MailLinkPortal fixture) : IClassFixture<MailLinkPortal>
{
    private readonly PortalHost _portal = fixture.Portal;

    private sealed record Mail(string Text, string Html, string Code, string? Token)
    {
        public string Path => "/login/link?token=" + Token;
    }

    private static Task<Mail> MailAsync(PortalHost portal, string email, int number = 1) => Eventually.GetAsync(async () =>
    {
        using var reader = portal.NewApiClient();
        var messages = (await reader.GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .Where(message => message.GetProperty("to").GetString() == email).Reverse().ToList();
        if (messages.Count < number) return null;
        var (text, html) = (messages[number - 1].GetProperty("text").GetString()!, messages[number - 1].GetProperty("html").GetString()!);
        var link = Link().Match(text);
        return new Mail(text, html, Digits().Match(messages[number - 1].GetProperty("subject").GetString()!).Value, link.Success
            ? link.Groups[1].Value : null);
    });

    private async Task<(BrowserClient Browser, string Email, Mail Mail)> BeginAsync(BrowserClient? browser = null, string? returnTo = null)
    {
        var email = TestUser.New();
        browser ??= _portal.NewBrowser();
        await browser.PostAsync("/login", ("email", email), ("return_to", returnTo ?? ""));
        return (browser, email, await MailAsync(_portal, email));
    }

    private BrowserClient NewBrowserWithFlowOf(BrowserClient browser)
    {
        var other = _portal.NewBrowser();
        other.Cookies["otp_flow"] = browser.Cookies["otp_flow"];
        return other;
    }

    private static string WrongCode(string code) => code[..^1] + (char)('0' + ((code[^1] - '0' + 1) % 10));

    private static async Task LockAsync(BrowserClient browser, string code)
    {
        for (var i = 0; i < 5; i++) await browser.PostAsync("/login-otp", ("code", WrongCode(code)));
    }

    private static void ShouldBeWrongBrowserPage(Answer answer, int status = 200)
    {
        answer.Status.ShouldBe(status);
        answer.Find("h1")!.TextContent.ShouldBe("This link doesn't work here");
        answer.Text.ShouldContain("only in the browser where the sign-in was started");
        answer.Text.ShouldContain("open the link or enter the code from the same email there.");
        answer.Text.ShouldContain("If you didn't try to sign in, ignore the email.");
        answer.Find("form[action='/login/link']").ShouldBeNull();
        answer.Cookies.ShouldBeEmpty();
        answer.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
    }

    [Fact]
    public async Task The_link_asks_for_confirmation_and_the_button_signs_in()
    {
        var (browser, email, mail) = await BeginAsync();

        var page = await browser.GetAsync(mail.Path, ("Sec-Fetch-Site", "cross-site"));
        page.Status.ShouldBe(200);
        page.Find("h1")!.TextContent.ShouldBe($"Sign in as {email}?");
        page.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
        page.Header("Referrer-Policy").ShouldBe("same-origin");
        var form = page.Find("form[action='/login/link'][method=post]").ShouldNotBeNull();
        form.HasAttribute("data-submit-at-once").ShouldBeFalse("a script must not be able to press it");
        form.QuerySelectorAll("input")
            .Select(input => (input.GetAttribute("type"), input.GetAttribute("name"), input.GetAttribute("value")))
            .ShouldBe([("hidden", "token", mail.Token)]);

        var done = await browser.PostAsync("/login/link", ("token", mail.Token!));
        (done.Status, done.Location).ShouldBe((303, "/"));
        done.Cookie("auth_token").ShouldNotBeNull().Has("httponly").ShouldBeTrue();
        done.Cookie("otp_flow").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
        (await browser.GetAsync("/")).Text.ShouldContain($"Signed in {email}");

        // Opening the link again, or a double click, shows the signed-in page.
        var again = await browser.GetAsync(mail.Path);
        again.Status.ShouldBe(200);
        again.Text.ShouldContain($"Signed in {email}");
        again.Text.ShouldContain("You don't need this link");
        (await browser.PostAsync("/login/link", ("token", mail.Token!))).Text.ShouldContain($"Signed in {email}");
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Returns_the_email_address_as_JSON()
    {
        var (browser, email, mail) = await BeginAsync(_portal.NewApiClient());

        var answer = await browser.PostAsync("/login/link", ("token", mail.Token!));

        answer.Status.ShouldBe(200);
        answer.Body.ShouldBe($$"""{"email":"{{email}}"}""");
        browser.Cookies.ShouldContainKey("auth_token");
    }

    [Fact]
    public async Task The_email_contains_code_and_link_and_neither_is_accepted_as_the_other()
    {
        await using var german = await PortalHost.StartAsync(("MAIL_LINK", "true"), ("PUBLIC_URL", "https://login.example.com"));
        var (browser, email) = (german.NewBrowser(), TestUser.New());
        browser.Headers["Accept-Language"] = "de";
        await browser.PostAsync("/login", ("email", email));

        var mail = await MailAsync(german, email);

        mail.Text.ShouldContain($"https://login.example.com/login/link?token={mail.Token}\n");
        mail.Text.ShouldContain("Oder melden Sie sich mit diesem Link in dem Browser an");
        mail.Html.ShouldContain(mail.Token!);
        mail.Token!.ShouldNotContain(mail.Code);
        foreach (var part in (string[])[mail.Text, mail.Html]) part.ShouldContain(mail.Code);
        (await browser.GetAsync("/login/code")).Text.ShouldContain("Oder öffnen Sie den Link aus der E-Mail in diesem Browser.");
        (await browser.PostAsync("/login-otp", ("code", mail.Token!))).Status.ShouldBe(400);
        ShouldBeGermanWrongBrowserPage(await browser.PostAsync("/login/link", ("token", mail.Code)));
        (await browser.PostAsync("/login-otp", ("code", mail.Code))).Location.ShouldBe("/");

        static void ShouldBeGermanWrongBrowserPage(Answer answer) =>
            answer.Find("h1")!.TextContent.ShouldBe("Dieser Link funktioniert hier nicht");
    }

    [Fact]
    public async Task The_link_is_refused_in_another_browser()
    {
        var (browser, _, mail) = await BeginAsync();
        var (rival, _, rivalsMail) = await BeginAsync();
        var phone = _portal.NewBrowser();

        foreach (var other in (BrowserClient[])[phone, rival])
        {
            ShouldBeWrongBrowserPage(await other.GetAsync(mail.Path));
            ShouldBeWrongBrowserPage(await other.PostAsync("/login/link", ("token", mail.Token!)), 403);
            other.Headers["Accept"] = "application/json";
            var refused = await other.PostAsync("/login/link", ("token", mail.Token!));
            (refused.Status, refused.Body).ShouldBe((403, """{"error":"wrong_browser"}"""));
            refused.Cookies.ShouldBeEmpty();
            other.Headers["Accept"] = "text/html";
        }

        (await browser.PostAsync("/login/link", ("token", mail.Token!))).Location.ShouldBe("/", "it is still valid for its own client");
        (await rival.PostAsync("/login/link", ("token", rivalsMail.Token!))).Location.ShouldBe("/");
    }

    [Fact]
    public async Task A_victim_who_confirms_an_attackers_link_does_not_sign_anyone_in()
    {
        // The attacker requests a code for the victim's address; the victim opens the attacker's email.
        var (attacker, email, mail) = await BeginAsync();
        var victim = _portal.NewBrowser();
        await victim.PostAsync("/login", ("email", email));

        await victim.GetAsync(mail.Path);
        await victim.PostAsync("/login/link", ("token", mail.Token!));

        victim.Cookies.ShouldNotContainKey("auth_token");
        (await attacker.GetAsync("/login/code")).Status.ShouldBe(200, "still at the code");
        (await attacker.GetAsync("/")).Text.ShouldNotContain("Signed in");
        (await attacker.PostAsync("/login/link", ("token", (await MailAsync(_portal, email, 2)).Token!)))
            .Status.ShouldBe(403, "the victim's own link does not work for the attacker");
    }

    [Fact]
    public async Task Another_browser_gets_identical_responses_for_valid_and_invalid_links()
    {
        var (_, _, mail) = await BeginAsync();
        var (rival, _, _) = await BeginAsync();
        var made = mail.Token![..^1] + (mail.Token[^1] == 'a' ? 'b' : 'a');

        foreach (var other in (BrowserClient[])[_portal.NewBrowser(), rival])
        {
            var (right, wrong) = (await other.GetAsync(mail.Path), await other.GetAsync("/login/link?token=" + made));
            wrong.Status.ShouldBe(right.Status);
            Shown(wrong).ShouldBe(Shown(right));
            Shown(await other.PostAsync("/login/link", ("token", made)))
                .ShouldBe(Shown(await other.PostAsync("/login/link", ("token", mail.Token))));
        }
    }

    // The page content without values that are random or encrypted on each request.
    private static string Shown(Answer answer) =>
        $"{answer.Status} {string.Join(',', answer.Headers.Select(header => header.Key))} {answer.Find("title")!.TextContent} "
            + $"{answer.Find("main .portal-card")!.InnerHtml}";

    [Fact]
    public async Task Opening_the_link_does_not_change_state_or_set_cookies()
    {
        var (browser, _, mail) = await BeginAsync();
        var scanner = _portal.NewBrowser();
        var before = _portal.Dump().State;

        for (var i = 0; i < 100; i++)
        {
            foreach (var visitor in (BrowserClient[])[browser, scanner])
            {
                (await visitor.GetAsync(mail.Path)).Cookies.ShouldBeEmpty();
                (await visitor.SendAsync(HttpMethod.Head, mail.Path, null)).Cookies.ShouldBeEmpty();
            }
        }

        _portal.Dump().State.ShouldBe(before);
        (await browser.PostAsync("/login/link", ("token", mail.Token!))).Location.ShouldBe("/");
    }

    [Fact]
    public async Task Only_one_of_twenty_concurrent_submissions_of_link_or_code_succeeds()
    {
        var (browser, _, mail) = await BeginAsync();
        var rivals = Enumerable.Range(0, 20).Select(_ => NewBrowserWithFlowOf(browser).AsProgram()).ToList();

        // A third of them submits the code instead; only one of all submissions may succeed.
        var answers = await Task.WhenAll(
            rivals.Select((rival, i) => i % 3 == 0
                ? rival.PostAsync("/login-otp", ("code", mail.Code)) : rival.PostAsync("/login/link", ("token", mail.Token!))));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Count(answer => answer.Cookie("auth_token") is not null).ShouldBe(1);
        answers.Where(answer => answer.Status != 200).ShouldAllBe(answer => answer.Status == 410 || answer.Status == 429);
    }

    [Fact]
    public async Task The_code_is_refused_after_the_link_was_used()
    {
        var (browser, _, mail) = await BeginAsync();
        var other = NewBrowserWithFlowOf(browser).AsProgram();
        (await browser.PostAsync("/login/link", ("token", mail.Token!))).Location.ShouldBe("/");

        (await other.PostAsync("/login-otp", ("code", mail.Code))).Status.ShouldBe(410);
        (await other.PostAsync("/login/link", ("token", mail.Token!))).Body.ShouldBe("""{"error":"expired"}""");
        other.Cookies.ShouldNotContainKey("auth_token");
    }

    [Fact]
    public async Task The_link_is_refused_after_the_code_was_used()
    {
        var (browser, _, mail) = await BeginAsync();
        var other = NewBrowserWithFlowOf(browser);
        (await browser.PostAsync("/login-otp", ("code", mail.Code))).Location.ShouldBe("/");

        var page = await other.GetAsync(mail.Path);
        page.Status.ShouldBe(410);
        page.Text.ShouldContain("It was already completed or has expired.");
        page.Find("a.portal-main-button[href='/']")!.TextContent.ShouldBe("Start again");
        page.Cookies.ShouldBeEmpty();
        (await other.PostAsync("/login/link", ("token", mail.Token!))).Location.ShouldBe("/login/code");
        other.Cookies.ShouldNotContainKey("auth_token");
    }

    [Fact]
    public async Task A_resend_creates_a_new_link_and_keeps_the_first_one_valid()
    {
        foreach (var number in (int[])[1, 2])
        {
            var (browser, email, _) = await BeginAsync();
            _portal.Clock.Advance(TimeSpan.FromSeconds(30));
            await browser.PostAsync("/login/resend");
            var (first, second) = (await MailAsync(_portal, email), await MailAsync(_portal, email, 2));
            second.Token.ShouldNotBe(first.Token);

            var chosen = number == 1 ? first : second;
            (await browser.GetAsync(chosen.Path)).Text.ShouldContain($"Sign in as {email}?");
            (await browser.PostAsync("/login/link", ("token", chosen.Token!))).Location.ShouldBe("/");
        }
    }

    [Fact]
    public async Task An_expired_link_is_refused()
    {
        var (browser, _, mail) = await BeginAsync();
        _portal.Clock.Advance(TimeSpan.FromSeconds(299));
        (await browser.GetAsync(mail.Path)).Status.ShouldBe(200, "not yet over");

        _portal.Clock.Advance(TimeSpan.FromSeconds(1));

        (await browser.GetAsync(mail.Path)).Status.ShouldBe(410);
        (await browser.AsProgram().PostAsync("/login/link", ("token", mail.Token!))).Body.ShouldBe("""{"error":"expired"}""");
        browser.Headers["Accept"] = "text/html";
        (await browser.PostAsync("/login/link", ("token", mail.Token!))).Location.ShouldBe("/login/code");
        browser.Cookies.ShouldNotContainKey("auth_token");
    }

    [Fact]
    public async Task The_link_is_refused_after_too_many_wrong_codes()
    {
        var (browser, _, mail) = await BeginAsync();
        await LockAsync(browser, mail.Code);

        var page = await browser.GetAsync(mail.Path);
        page.Status.ShouldBe(410);
        page.Text.ShouldContain("Too many incorrect codes.");
        var refused = await browser.AsProgram().PostAsync("/login/link", ("token", mail.Token!));
        (refused.Status, refused.Body).ShouldBe((429, """{"error":"too_many_attempts"}"""));
        browser.Cookies.ShouldNotContainKey("auth_token");
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("A\u0001\uD83D\uDE00")]
    [InlineData("THOUSAND")]
    public async Task An_invalid_link_does_not_count_as_an_attempt(string token)
    {
        if (token == "THOUSAND") token = new string('A', 1000);
        var (browser, _, mail) = await BeginAsync();
        var before = _portal.Dump().State;

        for (var i = 0; i < 6; i++) ShouldBeWrongBrowserPage(await browser.PostAsync("/login/link", ("token", token)), 403);
        ShouldBeWrongBrowserPage(await browser.GetAsync("/login/link?token=" + Uri.EscapeDataString(token)));

        _portal.Dump().State.ShouldBe(before);
        (await browser.AsProgram().PostAsync("/login-otp", ("code", WrongCode(mail.Code)))).Json.GetProperty("attempts_left").GetInt32()
            .ShouldBe(4);
        (await browser.PostAsync("/login/link", ("token", mail.Token!))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Origin", "https://evil.example")]
    public async Task A_cross_site_submission_of_the_link_is_refused(string header, string value)
    {
        var (browser, _, mail) = await BeginAsync();
        var before = _portal.Dump().State;
        browser.Headers[header] = value;

        var answer = await browser.PostAsync("/login/link", ("token", mail.Token!));

        answer.Status.ShouldBe(403);
        answer.Cookies.ShouldBeEmpty();
        _portal.Dump().State.ShouldBe(before);
        browser.Headers.Remove(header);
        (await browser.PostAsync("/login/link", ("token", mail.Token!))).Location.ShouldBe("/");
    }

    [Fact]
    public async Task Returns_415_when_the_body_is_not_a_form() =>
        (await (await BeginAsync()).Browser.SendAsync(HttpMethod.Post, "/login/link", new StringContent("token"))).Status.ShouldBe(415);

    [Fact]
    public async Task The_link_redirects_to_the_requested_return_to_target()
    {
        await using var portal = await PortalHost.StartAsync(("MAIL_LINK", "true"), ("ALLOWED_REDIRECTS", "app.example.com"));
        var (browser, email) = (portal.NewBrowser(), TestUser.New());
        await browser.PostAsync("/login", ("email", email), ("return_to", "https://app.example.com/inbox"));

        (await browser.PostAsync("/login/link", ("token", (await MailAsync(portal, email)).Token!))).Location
            .ShouldBe("https://app.example.com/inbox");
    }

    [Fact]
    public async Task The_link_redirects_to_the_code_page_once_the_code_was_verified()
    {
        var (browser, _, mail) = await BeginAsync();
        using var scope = _portal.Services.CreateScope();
        var flow = scope.ServiceProvider.GetRequiredService<AuthFlow>();
        await flow.SubmitForTicketAsync(browser.Cookies["otp_flow"], mail.Code, new ClientInfo("192.0.2.1", "192.0.2.1", "Tests/1.0"));

        var page = await browser.GetAsync(mail.Path);

        (page.Status, page.Location).ShouldBe((303, "/login/code"));
    }

    [Fact]
    public async Task The_language_can_be_changed_on_the_link_page()
    {
        var (browser, email, mail) = await BeginAsync();
        var back = (await browser.GetAsync(mail.Path)).Find("form[action='/language'] input[name=back]")!.GetAttribute("value")!;

        var answer = await browser.PostAsync("/language", ("lang", "fr"), ("back", back));

        answer.Location.ShouldBe(mail.Path);
        (await browser.GetAsync(mail.Path)).Text.ShouldContain($"Se connecter en tant que {email} ?");
    }

    [Fact]
    public async Task Links_appear_in_neither_logs_nor_the_store_nor_traces()
    {
        await using var portal = await PortalHost.StartAsync(("MAIL_LINK", "true"), ("DEBUG", "true"));
        var traces = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => traces.Enqueue($"{activity.DisplayName} {string.Join(' ', activity.TagObjects)}"),
        };
        ActivitySource.AddActivityListener(listener);
        var (browser, email) = (portal.NewBrowser(), TestUser.New());

        await browser.PostAsync("/login", ("email", email));
        var first = await MailAsync(portal, email);
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        await browser.PostAsync("/login/resend");
        var second = await MailAsync(portal, email, 2);
        await browser.GetAsync(first.Path);
        await portal.NewBrowser().PostAsync("/login/link", ("token", first.Token!));
        Check();
        await browser.PostAsync("/login/link", ("token", second.Token!));
        await browser.GetAsync(second.Path);
        Check();

        void Check()
        {
            var (log, dump) = (portal.Log.Text, portal.Dump().Text);
            foreach (var token in (string[])[first.Token!, second.Token!])
            {
                log.Contains(token, StringComparison.Ordinal)
                    .ShouldBeFalse(
                        "the log holds a link: " + log.Split('\n').FirstOrDefault(line => line.Contains(token, StringComparison.Ordinal)));
                dump.Contains(token, StringComparison.Ordinal).ShouldBeFalse("the store holds a link");
                traces.ShouldNotBeEmpty();
                traces.ShouldAllBe(trace => !trace.Contains(token, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public async Task A_disallowed_address_gets_an_identical_record_and_no_email()
    {
        await using var portal = await PortalHost.StartAsync(("MAIL_LINK", "true"), ("ALLOWED_EMAILS", "*@friends.example"));
        var (friend, stranger) = (portal.NewBrowser(), portal.NewBrowser());
        await friend.PostAsync("/login", ("email", "joe@friends.example"));
        var mail = await MailAsync(portal, "joe@friends.example");
        await stranger.PostAsync("/login", ("email", "eve@enemies.example"));
        await portal.Clock.AdvanceUntilAsync(
            async () => (await stranger.GetAsync("/login/code")).Text.Contains("Sent.", StringComparison.Ordinal), TimeSpan.FromSeconds(1));

        (await stranger.GetAsync("/login/code")).Text.ShouldContain("Or open the link in the email");
        ShouldBeWrongBrowserPage(await stranger.GetAsync(mail.Path));
        ShouldBeWrongBrowserPage(await stranger.PostAsync("/login/link", ("token", mail.Token!)), 403);
        var records = portal.Dump().Entries
            .Where(entry => entry.Key.StartsWith("code:{sign-in:", StringComparison.Ordinal)
                && entry.Key.EndsWith(":record", StringComparison.Ordinal))
            .ToList();
        records.Count.ShouldBe(2);
        records.ShouldAllBe(record => record.Content.Contains("\"LinkHashes\":[\"", StringComparison.Ordinal));
        (await portal.CodesAsync("eve@enemies.example")).ShouldBeEmpty();
    }

    [Fact]
    public async Task There_is_no_link_when_MAIL_LINK_is_off()
    {
        await using var portal = await PortalHost.StartAsync();
        var (browser, email) = (portal.NewBrowser(), TestUser.New());
        await browser.PostAsync("/login", ("email", email));

        var mail = await MailAsync(portal, email);

        mail.Token.ShouldBeNull();
        (mail.Text + mail.Html).ShouldNotContain("/login/link");
        mail.Html.ShouldNotContain("<a ");
        (await browser.GetAsync("/login/code")).Text.ShouldNotContain("link", Case.Insensitive);
        var page = await browser.GetAsync("/login/link?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        page.Status.ShouldBe(404);
        page.Text.ShouldContain("Page not found");
        (await browser.PostAsync("/login/link", ("token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))).Status.ShouldBe(404);
        portal.Dump().Entries.ShouldNotContain(entry => entry.Content.Contains(" l1=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_SMS_contains_no_link()
    {
        using var folder = new TemporaryFolder();
        var users = Path.Combine(folder.Path, "users.json");
        await File.WriteAllTextAsync(users, """[{ "mail": "ann@example.com", "phonenumber": "+49 151 23456789" }]""");
        await using var portal = await PortalHost.StartAsync(
            ("MAIL_LINK", "true"), ("USERS_FILE", users), ("SMS_PROVIDERS", "mailbox"), ("SMS_COUNTRIES", "DE"));
        var (browser, mailer) = (portal.NewBrowser(), portal.NewBrowser());
        await browser.PostAsync("/login", ("email", "ann@example.com"), ("channel", "sms"));
        await mailer.PostAsync("/login", ("email", "ann@example.com"), ("channel", "email"));

        var sms = await MailAsync(portal, "+4915123456789");
        var mail = await MailAsync(portal, "ann@example.com");

        sms.Text.ShouldNotContain("link");
        (await browser.GetAsync("/login/code")).Text.ShouldNotContain("Or open the link");
        (await mailer.PostAsync("/login/link", ("token", mail.Token!))).Location.ShouldBe("/");
    }

    [GeneratedRegex(@"/login/link\?token=([A-Za-z0-9]{43})\s", RegexOptions.None, 1000)]
    private static partial Regex Link();

    [GeneratedRegex("[0-9]{6}$", RegexOptions.None, 1000)]
    private static partial Regex Digits();
}
