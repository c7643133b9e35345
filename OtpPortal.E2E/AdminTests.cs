using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal with a known secret key and one administrator.</summary>
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

/// <summary>Tests the administration.</summary>
public sealed class AdminTests(AdminStage stage) : BrowserTest(stage), IClassFixture<AdminStage>
{
    private const string Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    private const string Safari =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 "
            + "Safari/604.1";
    private const string Edge =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";

    [Fact]
    public async Task The_secret_key_opens_the_administration_and_a_wrong_key_is_refused()
    {
        var operatorsBrowser = await OpenBrowserAsync();
        operatorsBrowser.IgnoreConsoleErrors("status of 403");
        var admin = new AdminPage(await operatorsBrowser.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await Expect(admin.Key).ToBeFocusedAsync();
        await admin.Key.FillAsync("not the key");
        await admin.Open.ClickAsync();
        await Expect(admin.KeyError).ToHaveTextAsync("Incorrect secret key.");
        await Expect(admin.Rows).ToHaveCountAsync(0);

        await admin.Key.FillAsync(AdminStage.Key);
        await admin.NavigateByAsync(() => admin.Open.ClickAsync());
        await Expect(admin.Heading).ToHaveTextAsync("Overview");
        (await admin.Page.ContentAsync()).ShouldNotContain(AdminStage.Key);

        await admin.SignOut.ClickAsync();
        await Expect(admin.Key).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Sessions_can_be_searched_sorted_and_revoked_after_confirmation()
    {
        var name = Name();
        using var ann = await SignedInAsync($"{name}.ann@example.com", "127.0.9.10", Firefox);
        using var bob = await SignedInAsync($"{name}.bob@example.com", "127.0.10.9", Safari);
        using var cat = await SignedInAsync($"{name}.cat@example.com", "127.0.10.10", Edge);
        using var catToo = await SignedInAsync($"{name}.cat@example.com", "127.0.9.9", Edge);
        var admin = await AdminPage.OpenAsync(await OpenBrowserAsync(), AdminStage.Key);

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
        await Expect(admin.StatusMessage).ToHaveTextAsync("Sessions revoked: 1");
        (await bob.GetAsync("/check-auth")).ShouldBe(403);

        await admin.Row("cat@").First.GetByRole(AriaRole.Button, new() { Name = "Details:" }).ClickAsync();
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke all for this user" }).ClickAsync();
        await Expect(admin.Question).ToContainTextAsync("on every device");
        await admin.AnswerAsync("Revoke");
        await Expect(admin.Rows).ToHaveCountAsync(1);
        (await cat.GetAsync("/check-auth")).ShouldBe(403);
        (await catToo.GetAsync("/check-auth")).ShouldBe(403);
        (await ann.GetAsync("/check-auth")).ShouldBe(200);
    }

    [Fact]
    public async Task The_overview_searches_the_sessions()
    {
        var name = Name();
        using var ann = await SignedInAsync($"{name}.ann@example.com", "127.0.9.11", Firefox);
        using var bob = await SignedInAsync($"{name}.bob@example.com", "127.0.9.12", Firefox);
        var admin = await AdminPage.OpenOverviewAsync(await OpenBrowserAsync(), AdminStage.Key);

        await admin.Page.Locator("#find").FillAsync($"{name}.B");
        await admin.NavigateByAsync(() => admin.Page.Keyboard.PressAsync("Enter"));

        await Expect(admin.Rows).ToHaveCountAsync(1);
        await Expect(admin.Rows).ToContainTextAsync($"{name}.bob@example.com");
        await Expect(admin.Page.Locator("#prefix")).ToHaveValueAsync($"{name}.B");
    }

    [Fact]
    public async Task A_long_session_list_is_paged()
    {
        var name = Name();
        for (var number = 0; number < 23; number++) (await SignedInAsync($"{name}.{number:00}@example.com")).Dispose();
        var admin = await AdminPage.OpenAsync(await OpenBrowserAsync(), AdminStage.Key);

        await admin.SearchAsync(name, 23);
        await admin.SortByAsync("Email address");
        await Expect(admin.Rows).ToHaveCountAsync(20);
        await Expect(admin.Rows.First).ToContainTextAsync(name + ".00@");
        await admin.NextPage.ClickAsync();

        await Expect(admin.Rows).ToHaveCountAsync(3);
        await Expect(admin.Rows).ToContainTextAsync([name + ".20@", name + ".21@", name + ".22@"]);
    }

    [Fact]
    public async Task The_overview_shows_charts_and_tables_and_follows_new_sign_ins()
    {
        using var ann = await SignedInAsync(Name() + "@example.com");
        var admin = await AdminPage.OpenOverviewAsync(await OpenBrowserAsync(), AdminStage.Key);

        await Expect(admin.Charts).ToHaveCountAsync(2);
        await Expect(admin.Charts.First.Locator("path").First).ToBeAttachedAsync();
        var started = await CountAsync();
        started.ShouldBeGreaterThanOrEqualTo(1);
        using var bob = await SignedInAsync(Name() + "@example.com");
        await Until.TrueAsync("the sign-in is counted on the open page", async () => await CountAsync() > started);

        await admin.Page.Locator("summary").First.ClickAsync();
        await Expect(admin.Page.GetByRole(AriaRole.Table).Filter(new() { HasText = "Sign-ins completed" }).First).ToBeVisibleAsync();
        await admin.NavigateByAsync(() => admin.Page.GetByRole(AriaRole.Link, new() { Name = "30 days" }).ClickAsync());
        await Expect(admin.Page.Locator(".admin-tabs [aria-current]")).ToHaveTextAsync("30 days");
        (await CountAsync()).ShouldBeGreaterThan(started);

        async Task<int> CountAsync() => int.Parse(await admin.Tile("Sign-ins started").InnerTextAsync(), null);
    }

    [Fact]
    public async Task Times_are_in_the_administrators_time_zone_and_UTC_in_the_title()
    {
        var name = Name();
        using var ann = await SignedInAsync(name + "@example.com");
        var admin = await AdminPage.OpenAsync(
            await OpenBrowserAsync(options => (options.TimezoneId, options.Locale) = ("Asia/Tokyo", "en-GB")), AdminStage.Key);
        await admin.SearchAsync(name, 1);

        var time = admin.Row(name).Locator("time").First;

        var utc = DateTimeOffset.Parse((await time.GetAttributeAsync("datetime"))!, System.Globalization.CultureInfo.InvariantCulture);
        await Expect(time).ToHaveAttributeAsync("title", utc.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", null));
        (await time.InnerTextAsync()).ShouldContain(utc.AddHours(9).ToString("h:mm", null));
        await Expect(admin.Page.Locator("[data-time-zone]")).ToContainTextAsync("Asia/Tokyo");

        // The circuit writes UTC into the same cell when it shows another session.
        using var bob = await SignedInAsync(name + "x@example.com");
        await admin.SearchAsync(name, 2);
        await Expect(admin.Rows.Locator("time[title$=UTC]")).ToHaveCountAsync(4);
        foreach (var text in await admin.Rows.Locator("time").AllInnerTextsAsync()) text.ShouldNotContain($"{utc:yyyy-MM-dd}");
    }

    [Fact]
    public async Task Sessions_can_be_inspected_and_revoked_with_the_keyboard()
    {
        var name = Name();
        using var ann = await SignedInAsync(name + "@example.com", userAgent: Firefox);
        var admin = await AdminPage.OpenAsync(await OpenBrowserAsync(), AdminStage.Key);
        var keyboard = admin.Page.Keyboard;
        await admin.Page.Locator("#prefix").FocusAsync();
        await keyboard.TypeAsync(name);
        await keyboard.PressAsync("Enter");
        await Expect(admin.Rows).ToHaveCountAsync(1);
        var details = admin.Rows.GetByRole(AriaRole.Button, new() { Name = "Details:" });

        for (var presses = 0; presses < 20 && !await details.EvaluateAsync<bool>("button => button === document.activeElement"); presses++)
        {
            await keyboard.PressAsync("Tab");
        }
        await Expect(details).ToBeFocusedAsync();
        await keyboard.PressAsync("Enter");
        await Expect(admin.Details).ToContainTextAsync(Firefox);
        await Expect(details).ToHaveAttributeAsync("aria-expanded", "true");
        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("Enter");
        await Expect(admin.Question.GetByRole(AriaRole.Button, new() { Name = "Cancel" })).ToBeFocusedAsync();
        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("Enter");

        await Expect(admin.Rows).ToHaveCountAsync(0);
        (await ann.GetAsync("/check-auth")).ShouldBe(403);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_drawer_opens_and_closes_on_a_narrow_screen_also_without_script(bool withScript)
    {
        var browser = await OpenBrowserAsync(options =>
            (options.ViewportSize, options.JavaScriptEnabled) = (new() { Width = 320, Height = 640 }, withScript));
        var admin = new AdminPage(await browser.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.Key.FillAsync(AdminStage.Key);
        await admin.NavigateByAsync(() => admin.Open.ClickAsync());
        var link = admin.Page.GetByRole(AriaRole.Link, new() { Name = "Audit log" });
        await Expect(link).Not.ToBeVisibleAsync();

        await admin.Menu.FocusAsync();
        await admin.Page.Keyboard.PressAsync("Enter");
        await Expect(link).ToBeVisibleAsync();
        await admin.Page.Keyboard.PressAsync("Escape");
        await Expect(link).Not.ToBeVisibleAsync();
        await Expect(admin.Menu).ToBeFocusedAsync();
        await admin.Menu.ClickAsync();
        await admin.NavigateByAsync(() => link.ClickAsync());

        await Expect(admin.Heading).ToHaveTextAsync("Audit log");
        await Expect(link).Not.ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_audit_log_and_the_diagnostics_work_without_JavaScript()
    {
        using var ann = await SignedInAsync("carla." + Name() + "@example.com");
        var admin = new AdminPage(await (await OpenBrowserWithoutScriptAsync()).OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.Key.FillAsync(AdminStage.Key);
        await admin.NavigateByAsync(() => admin.Open.ClickAsync());
        await Expect(admin.Tile("Sign-ins started")).ToBeVisibleAsync();
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Sessions", Exact = true }).ClickAsync();
        await Expect(admin.Page.Locator("noscript [role=status]")).ToBeVisibleAsync();

        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Audit log" }).ClickAsync();
        await Expect(admin.Heading).ToHaveTextAsync("Audit log");
        await Expect(admin.Page.Locator("tbody tr").Filter(new() { HasText = "Admin access" }).First).ToContainTextAsync("127.0.0.1");
        await Expect(admin.Page.Locator("tbody tr").Filter(new() { HasText = "Sign-in" }).First).ToBeVisibleAsync();
        (await admin.Page.ContentAsync()).ShouldNotContain(ann.Address, Case.Sensitive, "addresses are masked");
        await admin.Page.Locator("#event").SelectOptionAsync("admin_access");
        await admin.NavigateByAsync(() => admin.Page.Locator("form[action='/admin/audit'] button").ClickAsync());
        await Expect(admin.Page.Locator("tbody tr").Filter(new() { HasText = "signed_in" })).ToHaveCountAsync(0);
        await Expect(admin.Page.Locator("tbody tr").Filter(new() { HasText = "Admin access" }).First).ToBeVisibleAsync();
        admin.Page.Url.ShouldContain("event=admin_access");
        var download = await admin.Page.RunAndWaitForDownloadAsync(
            () => admin.Page.GetByRole(AriaRole.Link, new() { Name = "Download as JSON Lines" }).ClickAsync());
        (await File.ReadAllTextAsync((await download.PathAsync())!)).ShouldContain("admin_access");

        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Diagnostics" }).ClickAsync();
        await Expect(admin.Heading).ToHaveTextAsync("Diagnostics");
        await Expect(admin.Page.Locator(".admin-findings").First).ToContainTextAsync(Portal.Url);
        var to = Name() + "@example.com";
        await admin.Page.Locator("#email").FillAsync(to);
        await admin.NavigateByAsync(() => admin.Page.Locator("form[action='/admin/check/message'] button").ClickAsync());
        await Expect(admin.StatusMessage).ToContainTextAsync("The provider accepted the message");
        (await Mailbox.MailAsync(to)).Subject.ShouldBe("Test message from OTP Portal");
    }

    [Fact]
    public async Task Service_accounts_can_be_created_and_deleted_without_JavaScript()
    {
        var admin = new AdminPage(await (await OpenBrowserWithoutScriptAsync()).OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.Key.FillAsync(AdminStage.Key);
        await admin.NavigateByAsync(() => admin.Open.ClickAsync());
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Service accounts" }).ClickAsync();
        var name = Name();
        await admin.Page.Locator("#name").FillAsync(name);
        await admin.NavigateByAsync(() => admin.CreateAccount.ClickAsync());
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
        await admin.NavigateByAsync(() => row.GetByRole(AriaRole.Button, new() { Name = "Remove account" }).ClickAsync());

        await Expect(row).ToHaveCountAsync(0);
        (await AskAsync()).ShouldBe(401);
    }

    [Fact]
    public async Task An_open_page_hides_its_data_after_signing_out_in_another_tab()
    {
        var operatorsBrowser = await OpenBrowserAsync();
        using var ann = await SignedInAsync(Name() + "@example.com");
        var open = await AdminPage.OpenAsync(operatorsBrowser, AdminStage.Key);
        await Expect(open.Rows.First).ToBeVisibleAsync();
        var other = new AdminPage(await operatorsBrowser.OpenTabAsync());
        await other.Page.GotoAsync("/admin/audit");

        await other.SignOut.ClickAsync();
        await Expect(other.Key).ToBeVisibleAsync();

        await Expect(open.Ended).ToBeVisibleAsync();
        await Expect(open.Rows).ToHaveCountAsync(0);
        (await open.Page.ContentAsync()).ShouldNotContain("@example.com");
    }

    [Fact]
    public async Task An_open_page_hides_its_data_when_the_administrators_session_is_revoked()
    {
        var boss = await OpenBrowserAsync();
        await SignInAsync(boss, AdminStage.Boss, (await Mailbox.ToAsync(AdminStage.Boss)).Count + 1);
        var admin = new AdminPage(await boss.OpenTabAsync());
        await admin.OpenSessionsAsync();
        await Expect(admin.Row(AdminStage.Boss)).ToHaveCountAsync(1);

        using var program = Arrive("127.0.0.1", "Tests/1.0", AdminStage.Boss);
        (await program.SendAsync(HttpMethod.Delete, "/auth-tokens?email=" + AdminStage.Boss, bearer: AdminStage.Key)).ShouldBe(204);

        await Expect(admin.Ended).ToBeVisibleAsync();
        await Expect(admin.Rows).ToHaveCountAsync(0);
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in again" }).ClickAsync();
        await Expect(admin.Key).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Pages_are_accessible_and_fit_the_viewport()
    {
        var name = Name();
        var address = name + ".with.a.rather.long.address.that.has.to.go.somewhere@example.com";
        using var ann = await SignedInAsync(address, userAgent: Firefox);
        var operatorsBrowser = await OpenBrowserAsync(options => options.ViewportSize = new() { Width = 1280, Height = 720 });
        operatorsBrowser.IgnoreConsoleErrors("status of 40[03]");
        var findings = new List<string>();

        async Task CheckAsync(AdminPage page, string what) => findings.AddRange(await FindingsAsync(page, "admin " + what, 320, 768, 1280));

        var admin = new AdminPage(await operatorsBrowser.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await CheckAsync(admin, "key");
        await admin.Key.FillAsync("wrong");
        await admin.Open.ClickAsync();
        await Expect(admin.KeyError).ToBeVisibleAsync();
        await CheckAsync(admin, "wrong key");

        admin = await AdminPage.OpenOverviewAsync(operatorsBrowser, AdminStage.Key);
        await Expect(admin.Charts.First).ToBeVisibleAsync();
        await CheckAsync(admin, "overview");
        foreach (var summary in await admin.Page.Locator("summary").AllAsync()) await summary.ClickAsync();
        await CheckAsync(admin, "overview with tables");
        foreach (var width in (int[])[320, 768])
        {
            await admin.Page.SetViewportSizeAsync(width, 720);
            await admin.Menu.ClickAsync();
            await Expect(admin.SignOut).ToBeVisibleAsync();
            findings.AddRange(await FindingsAsync(admin, "admin drawer", width));
            await admin.Page.Keyboard.PressAsync("Escape");
        }
        await admin.Page.SetViewportSizeAsync(1280, 720);

        await admin.OpenSessionsAsync();
        await admin.SearchAsync(name, 1);
        await Expect(admin.Rows).ToHaveCountAsync(1);
        await CheckAsync(admin, "sessions");
        await admin.Rows.First.GetByRole(AriaRole.Button, new() { Name = "Details:" }).ClickAsync();
        await Expect(admin.Details).ToBeVisibleAsync();
        await CheckAsync(admin, "session details");
        await admin.Rows.First.GetByRole(AriaRole.Checkbox).CheckAsync();
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke selected (1)" }).ClickAsync();
        await Expect(admin.Question).ToBeVisibleAsync();
        await CheckAsync(admin, "question");

        await admin.Page.GotoAsync("/admin/user");
        await Expect(admin.Heading).ToHaveTextAsync("Users");
        await CheckAsync(admin, "users");
        await admin.Page.GotoAsync("/admin/user?email=" + address);
        await Expect(admin.Heading).ToHaveTextAsync(address);
        await admin.Page.Locator(".portal-confirm summary").ClickAsync();
        await CheckAsync(admin, "user");

        await admin.Page.GotoAsync("/admin/accounts");
        await Expect(admin.Heading).ToHaveTextAsync("Service accounts");
        await admin.Page.Locator("#name").FillAsync(name);
        await admin.Page.Locator("#hosts").FillAsync("not a host!");
        await admin.NavigateByAsync(() => admin.CreateAccount.ClickAsync());
        await CheckAsync(admin, "service account refused");
        await admin.Page.Locator("#hosts").FillAsync("app.example.com, *.apps.example.com");
        await admin.NavigateByAsync(() => admin.CreateAccount.ClickAsync());
        await Expect(admin.NewKey).ToBeVisibleAsync();
        await admin.Page.Locator("tbody tr").Filter(new() { HasText = name }).Locator("summary").ClickAsync();
        await CheckAsync(admin, "service accounts");

        await admin.Page.GotoAsync("/admin/audit");
        await Expect(admin.Heading).ToHaveTextAsync("Audit log");
        await CheckAsync(admin, "audit log");
        await admin.Page.GotoAsync("/admin/audit?event=none&from=never&until=never");
        await Expect(admin.Page.Locator(".portal-error")).ToHaveCountAsync(3);
        await CheckAsync(admin, "audit log with errors");
        await admin.Page.GotoAsync("/admin/check");
        await Expect(admin.Heading).ToHaveTextAsync("Diagnostics");
        await admin.Page.Locator("#email").FillAsync("nobody");
        await admin.NavigateByAsync(() => admin.Page.Locator("form[action='/admin/check/message'] button").ClickAsync());
        await admin.Page.Locator("summary").First.ClickAsync();
        await CheckAsync(admin, "diagnostics");
        findings.ShouldBeEmpty();
    }

    private static string Name() => "a" + Guid.NewGuid().ToString("N")[..10];

    private PlainHttpUser Arrive(string source, string userAgent, string address) =>
        new($"http://127.0.0.1:{Portal.Port}", Portal.Url, source) { Address = address, UserAgent = userAgent };

    private async Task<PlainHttpUser> SignedInAsync(string address, string source = "127.0.0.1", string userAgent = "Tests/1.0")
    {
        var user = Arrive(source, userAgent, address);
        var before = (await Mailbox.ToAsync(address)).Count(mail => mail.Code.Length > 0);
        (await user.PostAsync("/login", "email", address)).ShouldBe(303, "/login/code");
        var mail = await Until.NotNullAsync(
            "a code", async () => (await Mailbox.ToAsync(address)).Where(mail => mail.Code.Length > 0).ElementAtOrDefault(before));
        (await user.PostAsync("/login-otp", "code", mail.Code)).ShouldBe(303, "/");
        return user;
    }
}
