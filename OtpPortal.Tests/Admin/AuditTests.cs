using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Auditing;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>Contents, order, retention and export of the audit log.</summary>
public sealed class AuditTests
{
    private static async Task<IReadOnlyList<JsonElement>> ExportAsync(BrowserClient admin)
    {
        var answer = await admin.GetAsync("/admin/audit.jsonl");
        answer.Status.ShouldBe(200);
        answer.Header("Cache-Control").ShouldBe("no-store");
        return [.. answer.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static string? Text(JsonElement entry, string name) => entry.GetProperty(name).GetString();

    // Entries are written asynchronously.
    private static Task<JsonElement[]> WaitForEntriesAsync(BrowserClient admin, string what) => Eventually.GetAsync(
        async () => (await ExportAsync(admin)).Where(entry => Text(entry, "event") == what)
            .ToArray() is { Length: > 0 } found ? found : null, what);

    [Fact]
    public async Task Records_sign_ins_failures_and_sign_outs_with_masked_addresses()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        await browser.PostAsync("/logout");
        await browser.PostAsync("/login", ("email", email));
        var code = (await portal.CodesForAsync(email, 2))[^1];
        for (var i = 0; i < 5; i++) await browser.PostAsync("/login-otp", ("code", code == "000000" ? "000001" : "000000"));

        var signIn = (await WaitForEntriesAsync(admin, "sign_in")).ShouldHaveSingleItem();
        Text(signIn, "address").ShouldBe("s…@example.com");
        Text(signIn, "ip").ShouldBe(browser.Source.ToString());
        Text(signIn, "outcome").ShouldBe("signed_in");
        signIn.GetProperty("time").GetDateTimeOffset().ShouldBe(portal.Clock.GetUtcNow());
        Text((await WaitForEntriesAsync(admin, "signed_out")).ShouldHaveSingleItem(), "outcome").ShouldBe("sessions:1");
        Text((await WaitForEntriesAsync(admin, "locked")).ShouldHaveSingleItem(), "outcome").ShouldBe("too_many_attempts");
        (await WaitForEntriesAsync(admin, "sign_in_failed")).Length.ShouldBe(4);
        (await WaitForEntriesAsync(admin, "sign_in_failed")).ShouldAllBe(entry => Text(entry, "outcome") == "wrong_code");
        portal.Dump().Entries.Single(entry => entry.Key == "audit").Content.ShouldNotContain(email);
    }

    [Fact]
    public async Task Records_successful_and_failed_uses_of_the_secret_key()
    {
        await using var portal = await PortalHost.StartAsync();
        var stranger = portal.NewBrowser();
        for (var i = 0; i < 13; i++) await stranger.PostAsync("/admin/login", ("key", "wrong"));
        var admin = await portal.OpenAdministrationAsync();

        var refused = await WaitForEntriesAsync(admin, "admin_refused");
        refused.Length.ShouldBe(10);
        refused.ShouldAllBe(entry => Text(entry, "ip") == stranger.Source.ToString());
        var limited = (await WaitForEntriesAsync(admin, "limit_hit")).ShouldHaveSingleItem("a flood of refusals does not flood the log");
        Text(limited, "outcome").ShouldBe("SECRET_FAILURES_PER_IP");
        Text((await WaitForEntriesAsync(admin, "admin_access"))[^1], "by").ShouldBe("key");
    }

    [Fact]
    public async Task Records_sessions_revoked_through_the_API()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();
        var email = TestUser.New();
        await portal.SignInAsync(email);
        await portal.SignInAsync(email);

        await portal.NewApiClient()
            .SendAsync(HttpMethod.Delete, $"/auth-tokens?email={email}", null, ("Authorization", $"Bearer {PortalHost.Secret}"));

        var revoked = (await WaitForEntriesAsync(admin, "revoked")).ShouldHaveSingleItem();
        (Text(revoked, "address"), Text(revoked, "outcome"), Text(revoked, "by")).ShouldBe(("s…@example.com", "sessions:2", "key"));
    }

    [Fact]
    public async Task The_page_lists_50_entries_at_a_time_newest_first()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();
        var log = portal.Services.GetRequiredService<AuditLog>();
        for (var i = 0; i < 120; i++) log.Write(AuditEvent.SignIn, "<b>@example.com", "192.0.2.1", $"entry-{i}-");
        await Eventually.BeTrueAsync(async () => (await log.ReadAsync(0, 1, AuditFilter.All)).Total >= 121);

        var first = await admin.GetAsync("/admin/audit");
        var second = await admin.GetAsync("/admin/audit?page=2");
        var last = await admin.GetAsync("/admin/audit?page=3");
        var beyond = await admin.GetAsync("/admin/audit?page=99999999999");

        first.Page.QuerySelectorAll("tbody tr").Length.ShouldBe(50);
        first.Page.QuerySelector("tbody tr")!.TextContent.ShouldContain("entry-119-");
        first.Body.ShouldNotContain("<b>@");
        first.Find("a[rel=prev]").ShouldBeNull();
        second.Text.ShouldContain("entry-69-");
        second.Text.ShouldNotContain("entry-70-");
        second.Find("a[rel=prev]").ShouldNotBeNull();
        last.Find("a[rel=next]").ShouldBeNull();
        beyond.Status.ShouldBe(200);
    }

    [Fact]
    public async Task Keeps_the_newest_10_000_entries()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();
        var log = portal.Services.GetRequiredService<AuditLog>();
        for (var i = 0; i < 10_050; i++) log.Write(AuditEvent.SignIn, TestUser.New(), "192.0.2.1", $"entry-{i}-");

        await Eventually.BeTrueAsync(async () => (await log.ReadAsync(0, 1, AuditFilter.All)).Entries[0].Outcome == "entry-10049-");
        var lines = (await ExportAsync(admin)).Where(line => Text(line, "event") == "sign_in").ToList();
        lines.Count.ShouldBe(10_000);
        Text(lines[0], "outcome").ShouldBe("entry-10049-");
    }

    [Fact]
    public async Task User_events_do_not_evict_admin_events()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();
        await WaitForEntriesAsync(admin, "admin_access");
        portal.Clock.Advance(TimeSpan.FromSeconds(1));
        var log = portal.Services.GetRequiredService<AuditLog>();
        for (var i = 0; i < 10_050; i++) log.Write(AuditEvent.SignInFailed, TestUser.New(), "192.0.2.1", $"entry-{i}-");
        await Eventually.BeTrueAsync(async () => (await log.ReadAsync(0, 1, AuditFilter.All)).Entries[0].Outcome == "entry-10049-");

        (await ExportAsync(admin)).ShouldContain(entry => Text(entry, "event") == "admin_access" && Text(entry, "outcome") == "admitted");
        var page = await admin.GetAsync("/admin/audit?by=admin");
        page.Text.ShouldContain("admitted");
        page.Text.ShouldNotContain("entry-");
        page.Find("nav a[aria-current=true]")!.TextContent.ShouldBe("Administrators only");
        var all = await admin.GetAsync("/admin/audit");
        all.Text.ShouldContain("entry-10049-");
        all.Find("a[rel=next]")!.GetAttribute("href").ShouldBe("/admin/audit?page=2");
    }

    [Fact]
    public async Task Admin_and_user_events_are_merged_in_chronological_order()
    {
        await using var portal = await PortalHost.StartAsync();
        var log = portal.Services.GetRequiredService<AuditLog>();
        for (var i = 0; i < 60; i++)
        {
            if (i % 3 == 0) log.WriteByAdmin(AuditEvent.Revoked, null, "192.0.2.1", $"{i}", "key");
            else log.Write(AuditEvent.SignIn, null, "192.0.2.1", $"{i}");
            await Eventually.BeTrueAsync(async () => (await log.ReadAsync(0, 1, AuditFilter.All)).Total == i + 1);
            portal.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        (await log.ReadAsync(10, 40, AuditFilter.All)).Entries.Select(entry => entry.Outcome)
            .ShouldBe(Enumerable.Range(10, 40).Select(i => $"{59 - i}"));
        var byAdmin = await log.ReadAsync(5, 10, AuditFilter.All with { OnlyAdmin = true });
        byAdmin.Entries.Select(entry => entry.Outcome).ShouldBe(Enumerable.Range(5, 10).Select(i => $"{57 - (3 * i)}"));
        (await log.ReadAsync(0, 1, AuditFilter.All with { OnlyAdmin = true })).Total.ShouldBe(20);
    }

    [Fact]
    public async Task A_rate_limited_client_is_recorded_once_regardless_of_the_addresses_it_uses()
    {
        await using var portal = await PortalHost.StartAsync(("LIMIT_SENDS_PER_IP", "5/900"), ("LIMIT_SENDS_PER_ADDRESS", "1/900"));
        var admin = await portal.OpenAdministrationAsync();
        var (stranger, other) = (portal.NewApiClient(), portal.NewApiClient());
        for (var i = 0; i < 40; i++) await stranger.PostAsync("/login", ("email", TestUser.New()));
        foreach (var email in (string[])["ann@example.com", "ann@example.com", "ben@example.com", "ben@example.com"])
        {
            await other.PostAsync("/login", ("email", email));
        }

        await Eventually.BeTrueAsync(async () => (await WaitForEntriesAsync(admin, "limit_hit")).Length == 2);
        (await WaitForEntriesAsync(admin, "limit_hit")).Select(entry => (Text(entry, "outcome"), Text(entry, "ip"))).ShouldBe(
            [("SENDS_PER_ADDRESS", other.Source.ToString()), ("SENDS_PER_IP", stranger.Source.ToString())], ignoreOrder: true);
        var statistics = portal.Services.GetRequiredService<Statistics>();
        await Eventually.BeTrueAsync(async () => (await statistics.ReadAsync(StatisticsRange.Day)).Slots[^1].Limited == 2);
    }

    [Fact]
    public async Task An_expired_sign_in_is_recorded_once_however_many_late_codes_are_submitted()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();
        var stranger = portal.NewApiClient();
        await stranger.PostAsync("/login", ("email", TestUser.New()));
        portal.Clock.Advance(TimeSpan.FromSeconds(300));
        for (var i = 0; i < 20; i++) (await stranger.PostAsync("/login-otp", ("code", "000000"))).Status.ShouldBe(410);

        (await WaitForEntriesAsync(admin, "sign_in_failed")).ShouldHaveSingleItem();
        var statistics = portal.Services.GetRequiredService<Statistics>();
        (await statistics.ReadAsync(StatisticsRange.Day)).Slots[^1].Expired.ShouldBe(1);
        portal.Dump().WithoutExpiry.ShouldAllBe(key => !key.Contains(":expired", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("event=sign_in", "1", "3")]
    [InlineData("user=ann@example.com", "1", "2")]
    [InlineData("user=ANN@Example.com", "1", "2")]
    [InlineData("user=@example.com", "1", "2", "3")]
    [InlineData("user=a%E2%80%A6@example.com", "1", "2")]
    [InlineData("user=%2B49 171 1234567", "4")]
    [InlineData("user=b…@other.example", "5")]
    [InlineData("ip=192.0.2.1", "1")]
    [InlineData("ip=192.0.2.", "1", "2", "3")]
    [InlineData("ip=2001:DB8:", "4")]
    [InlineData("from=2026-03-01T12:02", "3", "4", "5")]
    [InlineData("until=2026-03-01T12:02", "1", "2")]
    [InlineData("from=2026-03-01T12:01:00Z&until=2026-03-01T12:02:00Z", "2")]
    [InlineData("from=2026-03-02")]
    [InlineData("by=admin", "5")]
    [InlineData("by=admin&event=sign_in")]
    [InlineData("event=sign_in&user=ann@example.com", "1")]
    public async Task Filters_select_the_same_entries_on_the_page_and_in_the_export(string query, params string[] outcomes)
    {
        await using var portal = await PortalHost.StartAsync();
        var log = portal.Services.GetRequiredService<AuditLog>();
        Action[] events =
        [
            () => log.Write(AuditEvent.SignIn, "ann@example.com", "192.0.2.1", "n:1"),
            () => log.Write(AuditEvent.SignInFailed, "alf@example.com", "192.0.2.10", "n:2"),
            () => log.Write(AuditEvent.SignIn, "bob@example.com", "192.0.2.11", "n:3"),
            () => log.Write(AuditEvent.Locked, "+491719999967", "2001:db8::1", "n:4"),
            () => log.WriteByAdmin(AuditEvent.Revoked, "cat@third.example", "198.51.100.1", "n:5", "b…@other.example"),
        ];
        for (var i = 0; i < events.Length; i++)
        {
            events[i]();
            await Eventually.BeTrueAsync(async () => (await log.ReadAsync(0, 1, AuditFilter.All)).Total == i + 1);
            portal.Clock.Advance(TimeSpan.FromMinutes(1));
        }
        var admin = await portal.OpenAdministrationAsync();
        await WaitForEntriesAsync(admin, "admin_access");

        var page = await admin.GetAsync("/admin/audit?" + query);
        var export = (await admin.GetAsync("/admin/audit.jsonl?" + query)).Body.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        string[] expected = [.. outcomes.Select(outcome => "n:" + outcome)];
        page.Page.QuerySelectorAll("tbody code").Select(code => code.TextContent).Where(IsNumbered).Reverse().ShouldBe(expected);
        export.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("outcome").GetString()!).Where(IsNumbered).Reverse()
            .ShouldBe(expected);

        static bool IsNumbered(string outcome) => outcome.StartsWith("n:", StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_filters_stay_in_the_form_and_in_every_link()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();
        var log = portal.Services.GetRequiredService<AuditLog>();
        for (var i = 0; i < 120; i++) log.Write(AuditEvent.SignIn, "ann@example.com", "192.0.2.1", "signed_in");
        var signIns = AuditFilter.All with { Event = AuditEvent.SignIn };
        await Eventually.BeTrueAsync(async () => (await log.ReadAsync(0, 1, signIns)).Total == 120);

        const string Filters = "event=sign_in&user=ann@example.com&ip=192.0.2.1&from=2026-03-01T00%3A00&until=2026-03-02T00%3A00";
        var page = await admin.GetAsync("/admin/audit?" + Filters);

        page.Text.ShouldContain("Entries: 120.");
        page.Page.QuerySelectorAll("tbody tr").Length.ShouldBe(50);
        page.Find("a[rel=next]")!.GetAttribute("href").ShouldBe("/admin/audit?page=2&" + Filters);
        page.Find("a[download]")!.GetAttribute("href").ShouldBe("/admin/audit.jsonl?" + Filters);
        page.Find("#event option[selected]")!.GetAttribute("value").ShouldBe("sign_in");
        page.Find("#user")!.GetAttribute("value").ShouldBe("ann@example.com");
        page.Find("#from")!.GetAttribute("value").ShouldBe("2026-03-01T00:00");
        var last = await admin.GetAsync("/admin/audit?page=3&" + Filters);
        last.Page.QuerySelectorAll("tbody tr").Length.ShouldBe(20);
        last.Find("a[rel=next]").ShouldBeNull();
    }

    [Theory]
    [InlineData("event=nonsense", "#event-error")]
    [InlineData("from=yesterday", "#from-error")]
    [InlineData("until=2026-02-30T00:00", "#until-error")]
    public async Task An_invalid_filter_is_named_beside_its_field_and_refused_by_the_export(string query, string error)
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();

        (await admin.GetAsync("/admin/audit?" + query)).Find(error).ShouldNotBeNull();

        var export = await admin.GetAsync("/admin/audit.jsonl?" + query);
        export.Status.ShouldBe(400);
        export.Json.GetProperty("message").GetString()!.ShouldStartWith($"Invalid: {query.Split('=')[0]}.");
    }

    [Fact]
    public async Task The_export_is_served_as_a_JSONL_attachment_to_administrators_only()
    {
        await using var portal = await PortalHost.StartAsync();
        var admin = await portal.OpenAdministrationAsync();

        var answer = await admin.GetAsync("/admin/audit.jsonl");

        answer.ContentType.ShouldStartWith("application/jsonl");
        answer.Header("Content-Disposition").ShouldBe("attachment; filename=\"audit.jsonl\"");
        (await portal.NewBrowser().GetAsync("/admin/audit.jsonl")).Status.ShouldBe(403);
    }
}
