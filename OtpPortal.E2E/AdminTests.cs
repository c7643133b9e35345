using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal whose key is known, with one user who administers it.</summary>
public sealed class AdminStage : Stage
{
    public const string Key = "the-key-of-the-administration-0123456789";
    public const string Boss = "boss@example.com";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["AUTH_SECRET_KEY"] = Key,
        ["ADMIN_EMAILS"] = Boss,
        ["LIMIT_SENDS_PER_ADDRESS"] = "1000/900",
    };
}

/// <summary>Those who look after the portal, in the browser.</summary>
public sealed class AdminTests(AdminStage stage) : BrowserTest(stage), IClassFixture<AdminStage>
{
    private const string Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    private const string Safari =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 "
            + "Safari/604.1";
    private const string Edge =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";

    [Fact]
    public async Task The_key_opens_the_administration_and_a_wrong_one_does_not()
    {
        var operatorsBrowser = await ArriveAsync();
        operatorsBrowser.Tolerates("status of 403");
        var admin = new AdminPage(await operatorsBrowser.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await Expect(admin.Key).ToBeFocusedAsync();
        await admin.Key.FillAsync("not the key");
        await admin.Open.ClickAsync();
        await Expect(admin.KeyError).ToHaveTextAsync("Incorrect secret key.");
        await Expect(admin.Rows).ToHaveCountAsync(0);

        await admin.Key.FillAsync(AdminStage.Key);
        await admin.LeaveByAsync(() => admin.Open.ClickAsync());
        await admin.ListsAsync();
        await Expect(admin.Heading).ToHaveTextAsync("Sessions");
        (await admin.Page.ContentAsync()).ShouldNotContain(AdminStage.Key);

        await admin.SignOut.ClickAsync();
        await Expect(admin.Key).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Sessions_are_found_sorted_and_revoked_after_a_question()
    {
        var name = Name();
        using var ann = await SignedInAsync($"{name}.ann@example.com", "127.0.9.10", Firefox);
        using var bob = await SignedInAsync($"{name}.bob@example.com", "127.0.10.9", Safari);
        using var cat = await SignedInAsync($"{name}.cat@example.com", "127.0.10.10", Edge);
        using var catToo = await SignedInAsync($"{name}.cat@example.com", "127.0.9.9", Edge);
        var admin = await AdminPage.OpenAsync(await ArriveAsync(), AdminStage.Key);

        await admin.SearchAsync(name, 4);
        await Expect(admin.Rows).ToHaveCountAsync(4);
        await Expect(admin.Row("bob@")).ToContainTextAsync("127.0.10.9");
        await admin.SortByAsync("First seen");
        await Expect(admin.Rows).ToContainTextAsync(["127.0.9.9", "127.0.10.10", "127.0.10.9", "127.0.9.10"]);
        await admin.SortByAsync("First seen");
        await Expect(admin.Rows).ToContainTextAsync(["127.0.9.10", "127.0.10.9", "127.0.10.10", "127.0.9.9"]);
        await admin.SortByAsync("Email address");
        await Expect(admin.Rows).ToContainTextAsync(["ann@", "bob@", "cat@", "cat@"]);

        var button = admin.Row("bob@").GetByRole(AriaRole.Button, new() { Name = "Revoke:" });
        await button.ClickAsync();
        await Expect(admin.Question).ToContainTextAsync($"This ends the session of {name}.bob@example.com (Safari on iPhone).");
        await Expect(admin.Question.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeFocusedAsync();
        await admin.Page.Keyboard.PressAsync("Escape");
        await Expect(admin.Question).Not.ToBeVisibleAsync();
        await Expect(button).ToBeFocusedAsync();
        (await bob.GetAsync("/check-auth")).ShouldBe(200);

        await button.ClickAsync();
        await admin.AnswerAsync("Revoke");
        await Expect(admin.Rows).ToHaveCountAsync(3);
        await Expect(admin.Said).ToHaveTextAsync("Sessions revoked: 1");
        (await bob.GetAsync("/check-auth")).ShouldBe(403);

        await admin.Row("cat@").First.GetByRole(AriaRole.Button, new() { Name = "Revoke all for this user" }).ClickAsync();
        await Expect(admin.Question).ToContainTextAsync("on every device");
        await admin.AnswerAsync("Revoke");
        await Expect(admin.Rows).ToHaveCountAsync(1);
        (await cat.GetAsync("/check-auth")).ShouldBe(403);
        (await catToo.GetAsync("/check-auth")).ShouldBe(403);
        (await ann.GetAsync("/check-auth")).ShouldBe(200);
    }

    [Fact]
    public async Task A_long_list_comes_page_by_page()
    {
        var name = Name();
        for (var number = 0; number < 23; number++) (await SignedInAsync($"{name}.{number:00}@example.com")).Dispose();
        var admin = await AdminPage.OpenAsync(await ArriveAsync(), AdminStage.Key);

        await admin.SearchAsync(name, 23);
        await admin.SortByAsync("Email address");
        await Expect(admin.Rows).ToHaveCountAsync(20);
        await Expect(admin.Rows.First).ToContainTextAsync(name + ".00@");
        await admin.NextPage.ClickAsync();

        await Expect(admin.Rows).ToHaveCountAsync(3);
        await Expect(admin.Rows).ToContainTextAsync([name + ".20@", name + ".21@", name + ".22@"]);
    }

    [Fact]
    public async Task What_happened_is_drawn_and_told_in_tables()
    {
        using var ann = await SignedInAsync(Name() + "@example.com");
        var admin = await AdminPage.OpenAsync(await ArriveAsync(), AdminStage.Key);

        // At least four: of a day and of a month.
        await Expect(admin.Charts.Nth(3)).ToBeVisibleAsync();
        await Expect(admin.Charts.First.Locator("path").First).ToBeAttachedAsync();
        var completed = admin.Page.Locator(".admin-figures div").Filter(new() { HasText = "Sign-ins completed" }).First.Locator("dd");
        int.Parse(await completed.InnerTextAsync(), null).ShouldBeGreaterThanOrEqualTo(1);
        await admin.Page.Locator("summary").First.ClickAsync();
        await Expect(admin.Page.GetByRole(AriaRole.Table).Filter(new() { HasText = "Sign-ins started" }).First).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_audit_log_and_the_self_check_work_without_script_too()
    {
        using var ann = await SignedInAsync("carla." + Name() + "@example.com");
        var admin = new AdminPage(await (await ArriveWithoutScriptAsync()).OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.Key.FillAsync(AdminStage.Key);
        await admin.LeaveByAsync(() => admin.Open.ClickAsync());
        await Expect(admin.Page.Locator("noscript [role=status]")).ToBeVisibleAsync();

        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Audit log" }).ClickAsync();
        await Expect(admin.Heading).ToHaveTextAsync("Audit log");
        await Expect(admin.Page.Locator("tbody tr").Filter(new() { HasText = "Admin access" }).First).ToContainTextAsync("127.0.0.1");
        await Expect(admin.Page.Locator("tbody tr").Filter(new() { HasText = "Sign-in" }).First).ToBeVisibleAsync();
        (await admin.Page.ContentAsync()).ShouldNotContain(ann.Address, Case.Sensitive, "addresses are masked");
        var download = await admin.Page.RunAndWaitForDownloadAsync(
            () => admin.Page.GetByRole(AriaRole.Link, new() { Name = "Download as JSON Lines" }).ClickAsync());
        (await File.ReadAllTextAsync((await download.PathAsync())!)).ShouldContain("admin_access");

        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Diagnostics" }).ClickAsync();
        await Expect(admin.Heading).ToHaveTextAsync("Diagnostics");
        await Expect(admin.Page.Locator(".admin-findings").First).ToContainTextAsync(Portal.Url);
        var to = Name() + "@example.com";
        await admin.Page.Locator("#email").FillAsync(to);
        await admin.LeaveByAsync(() => admin.Page.Locator("form[action='/admin/check/message'] button").ClickAsync());
        await Expect(admin.Said).ToContainTextAsync("The provider accepted the message");
        (await Mailbox.MailAsync(to)).Subject.ShouldBe("Test message from OTP Portal");
    }

    [Fact]
    public async Task Service_accounts_are_made_and_removed_without_script_too()
    {
        var admin = new AdminPage(await (await ArriveWithoutScriptAsync()).OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.Key.FillAsync(AdminStage.Key);
        await admin.LeaveByAsync(() => admin.Open.ClickAsync());
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Service accounts" }).ClickAsync();
        var name = Name();
        await admin.Page.Locator("#name").FillAsync(name);
        await admin.LeaveByAsync(() => admin.MakeAccount.ClickAsync());
        var key = await admin.NewKey.InnerTextAsync();
        using var http = new HttpClient();
        async Task<int> AskAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Portal.Url + "/api/v2/otp/create")
            {
                Content = new StringContent("""{"otpCreateParams":{}}""", System.Text.Encoding.UTF8, "application/json"),
            };
            request.Headers.Add("X-API-KEY", key);
            using var answer = await http.SendAsync(request);
            return (int)answer.StatusCode;
        }
        (await AskAsync()).ShouldBe(201);

        await admin.Page.ReloadAsync();
        await Expect(admin.NewKey).ToHaveCountAsync(0);
        var row = admin.Page.Locator("tbody tr").Filter(new() { HasText = name });
        await row.Locator("summary").ClickAsync();
        await admin.LeaveByAsync(() => row.GetByRole(AriaRole.Button, new() { Name = "Remove account" }).ClickAsync());

        await Expect(row).ToHaveCountAsync(0);
        (await AskAsync()).ShouldBe(401);
    }

    [Fact]
    public async Task A_page_that_was_open_shows_nothing_more_once_the_access_was_given_back()
    {
        var operatorsBrowser = await ArriveAsync();
        using var ann = await SignedInAsync(Name() + "@example.com");
        var open = await AdminPage.OpenAsync(operatorsBrowser, AdminStage.Key);
        await Expect(open.Rows.First).ToBeVisibleAsync();
        var other = new AdminPage(await operatorsBrowser.OpenTabAsync());
        await other.Page.GotoAsync("/admin/audit");

        await other.SignOut.ClickAsync();
        await Expect(other.Key).ToBeVisibleAsync();

        await Expect(open.Heading).ToHaveTextAsync("Your session has ended");
        await Expect(open.Rows).ToHaveCountAsync(0);
        (await open.Page.ContentAsync()).ShouldNotContain("@example.com");
    }

    [Fact]
    public async Task An_administrator_whose_own_session_is_revoked_sees_nothing_more()
    {
        var boss = await ArriveAsync();
        await SignInAsync(boss, AdminStage.Boss, (await Mailbox.ToAsync(AdminStage.Boss)).Count + 1);
        var admin = new AdminPage(await boss.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.ListsAsync();
        await Expect(admin.Row(AdminStage.Boss)).ToHaveCountAsync(1);

        using var program = Arrive("127.0.0.1", "Tests/1.0", AdminStage.Boss);
        (await program.SendAsync(HttpMethod.Delete, "/auth-tokens?email=" + AdminStage.Boss, bearer: AdminStage.Key)).ShouldBe(204);

        await Expect(admin.Heading).ToHaveTextAsync("Your session has ended");
        await Expect(admin.Rows).ToHaveCountAsync(0);
        await Expect(admin.Charts).ToHaveCountAsync(0);
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await Expect(admin.Key).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(320, ColorScheme.Light)]
    [InlineData(320, ColorScheme.Dark)]
    public async Task Axe_finds_nothing_and_nothing_sticks_out(int width, ColorScheme scheme)
    {
        var name = Name();
        using var ann = await SignedInAsync(name + ".with.a.rather.long.address.that.has.to.go.somewhere@example.com", userAgent: Firefox);
        var operatorsBrowser =
            await ArriveAsync(options => (options.ColorScheme, options.ViewportSize) = (scheme, new() { Width = width, Height = 720 }));
        operatorsBrowser.Tolerates("status of 40[03]");
        var findings = new List<string>();

        async Task LookAsync(AdminPage page, string what)
        {
            findings.AddRange(await page.AxeFindingsAsync(what));
            if (await page.ScrollsSidewaysAsync()) findings.Add($"{what} scrolls sideways at {width} px");
        }

        var admin = new AdminPage(await operatorsBrowser.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await LookAsync(admin, "key");
        await admin.Key.FillAsync("wrong");
        await admin.Open.ClickAsync();
        await Expect(admin.KeyError).ToBeVisibleAsync();
        await LookAsync(admin, "wrong key");

        admin = await AdminPage.OpenAsync(operatorsBrowser, AdminStage.Key);
        await admin.SearchAsync(name, 1);
        await Expect(admin.Rows).ToHaveCountAsync(1);
        await Expect(admin.Charts.First).ToBeVisibleAsync();
        await LookAsync(admin, "sessions");
        foreach (var summary in await admin.Page.Locator("summary").AllAsync()) await summary.ClickAsync();
        await LookAsync(admin, "sessions with tables");
        await admin.Rows.First.GetByRole(AriaRole.Button, new() { Name = "Revoke:" }).ClickAsync();
        await Expect(admin.Question).ToBeVisibleAsync();
        await LookAsync(admin, "question");

        await admin.Page.GotoAsync("/admin/accounts");
        await Expect(admin.Heading).ToHaveTextAsync("Service accounts");
        await admin.Page.Locator("#name").FillAsync(name);
        await admin.Page.Locator("#hosts").FillAsync("not a host!");
        await admin.LeaveByAsync(() => admin.MakeAccount.ClickAsync());
        await LookAsync(admin, "service account refused");
        await admin.Page.Locator("#hosts").FillAsync("app.example.com, *.apps.example.com");
        await admin.LeaveByAsync(() => admin.MakeAccount.ClickAsync());
        await Expect(admin.NewKey).ToBeVisibleAsync();
        await admin.Page.Locator("tbody tr").Filter(new() { HasText = name }).Locator("summary").ClickAsync();
        await LookAsync(admin, "service accounts");

        await admin.Page.GotoAsync("/admin/audit");
        await Expect(admin.Heading).ToHaveTextAsync("Audit log");
        await LookAsync(admin, "audit log");
        await admin.Page.GotoAsync("/admin/check");
        await Expect(admin.Heading).ToHaveTextAsync("Diagnostics");
        await admin.Page.Locator("#email").FillAsync("nobody");
        await admin.LeaveByAsync(() => admin.Page.Locator("form[action='/admin/check/message'] button").ClickAsync());
        await LookAsync(admin, "self-check");
        findings.ShouldBeEmpty();
    }

    private static string Name() => "a" + Guid.NewGuid().ToString("N")[..10];

    private PlainVisitor Arrive(string source, string userAgent, string address) =>
        new($"http://127.0.0.1:{Portal.Port}", Portal.Url, source) { Address = address, UserAgent = userAgent };

    private async Task<PlainVisitor> SignedInAsync(string address, string source = "127.0.0.1", string userAgent = "Tests/1.0")
    {
        var visitor = Arrive(source, userAgent, address);
        var before = (await Mailbox.ToAsync(address)).Count(mail => mail.Code.Length > 0);
        (await visitor.PostAsync("/login", "email", address)).ShouldBe(303, "/login/code");
        var mail = await Until.SomethingAsync(
            "a code", async () => (await Mailbox.ToAsync(address)).Where(mail => mail.Code.Length > 0).ElementAtOrDefault(before));
        (await visitor.PostAsync("/login-otp", "code", mail.Code)).ShouldBe(303, "/");
        return visitor;
    }
}
