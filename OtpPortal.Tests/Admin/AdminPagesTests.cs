using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Auditing;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>The overview, the users and the navigation, as a browser without script sees them.</summary>
public sealed class AdminPagesTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Theory]
    [InlineData("", "24 hours", 24)]
    [InlineData("?range=24h", "24 hours", 24)]
    [InlineData("?range=7d", "7 days", 28)]
    [InlineData("?range=30d", "30 days", 30)]
    [InlineData("?range=31d", "24 hours", 24)]
    [InlineData("?range=%00%3Cscript%3E", "24 hours", 24)]
    public async Task The_overview_shows_a_range_and_falls_back_to_a_day(string query, string current, int bars)
    {
        var admin = await portal.OpenAdministrationAsync();

        var page = await admin.GetAsync("/admin" + query);

        page.Status.ShouldBe(200);
        page.Find(".admin-tabs a[aria-current=true]")!.TextContent.ShouldBe(current);
        page.Find(".admin-chart")!.QuerySelectorAll("rect").Length.ShouldBe(bars);
        page.Page.QuerySelectorAll(".admin-tiles dt").Select(name => name.TextContent).ShouldBe(
        [
            "Sign-ins started", "Share completed", "Median time to sign in", "Codes sent", "Incorrect or expired codes", "Limits reached",
            "Failed deliveries", "Sessions",
        ]);
    }

    [Fact]
    public async Task The_overview_compares_with_the_period_before()
    {
        await using var own = await PortalHost.StartAsync();
        var statistics = own.Services.GetRequiredService<Statistics>();
        for (var i = 0; i < 4; i++) statistics.Count(StatisticsEvent.Begun);
        for (var i = 0; i < 3; i++) statistics.Count(StatisticsEvent.Wrong);
        statistics.Count(StatisticsEvent.SignedIn);
        statistics.CountVerified(TimeSpan.FromSeconds(50));
        await statistics.ReadAsync(StatisticsRange.Day);
        own.Clock.Advance(TimeSpan.FromDays(1));
        for (var i = 0; i < 6; i++) statistics.Count(StatisticsEvent.Begun);
        for (var i = 0; i < 3; i++) statistics.Count(StatisticsEvent.SignedIn);
        statistics.CountVerified(TimeSpan.FromSeconds(9));
        statistics.CountAccepted("postmark");
        statistics.CountFailed("smtp");

        var page = await (await own.OpenAdministrationAsync()).GetAsync("/admin");

        string Tile(string name) => string.Join(' ', page.Page.QuerySelectorAll(".admin-tiles > div")
            .Single(tile => tile.QuerySelector("dt")!.TextContent == name).QuerySelector("dd")!.Children.Select(part => part.TextContent));
        Tile("Sign-ins started").ShouldBe("6 +50% before: 4");
        Tile("Share completed").ShouldBe("50% +25 pp before: 25%");
        Tile("Incorrect or expired codes").ShouldBe("0 −100% before: 3");
        Tile("Failed deliveries").ShouldBe("1 +1 before: 0");
        Tile("Median time to sign in").ShouldBe("9 s −36 s before: 45 s");
        page.Text.ShouldContain("postmark 1 0");
        page.Text.ShouldContain("smtp 0 1");
    }

    [Fact]
    public async Task A_users_page_shows_sessions_and_events_and_revokes_all()
    {
        var domain = $"{TestUser.New().Split('@')[0]}.example";
        var (ann, alf) = ($"ann@{domain}", $"alf@{domain}");
        var browser = await portal.SignInAsync(ann);
        await portal.SignInAsync(ann);
        await portal.SignInAsync(alf);
        var admin = await portal.OpenAdministrationAsync();
        (await admin.GetAsync("/admin/user?prefix=" + ann[..8])).Find($"a[href='/admin/user?email={Uri.EscapeDataString(ann)}']")
            .ShouldNotBeNull();

        var page = await Eventually.GetAsync(async () =>
            await admin.GetAsync("/admin/user?email=" + ann) is var found && found.Page.QuerySelectorAll("section, table").Length == 2
                ? found : null);

        page.Find("h1")!.TextContent.ShouldBe(ann);
        page.Text.ShouldContain("Live sessions: 2");
        page.Text.ShouldContain($"only the masked address a…@{domain}");
        page.Find("a[href^='/admin/audit?user=']")!.GetAttribute("href").ShouldBe("/admin/audit?user=" + ann);
        var form = page.Find("form[action='/admin/user/revoke']")!;
        form.QuerySelector("[name=email]")!.GetAttribute("value").ShouldBe(ann);

        var answer = await admin.PostAsync("/admin/user/revoke", ("email", ann));

        (answer.Status, answer.Location).ShouldBe((303, "/admin/user?email=" + Uri.EscapeDataString(ann)));
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
        var after = await admin.GetAsync(answer.Location!);
        after.Text.ShouldContain("Live sessions: 0");
        after.Find("form[action='/admin/user/revoke']").ShouldBeNull();
        await Eventually.BeTrueAsync(async () =>
            (await admin.GetAsync("/admin/audit?event=revoked&user=" + ann)).Text.Contains("sessions:2", StringComparison.Ordinal));
        (await admin.GetAsync("/admin/user?prefix=alf@")).Text.ShouldContain(alf);
    }

    [Theory]
    [InlineData("?email=nobody")]
    [InlineData("?email=a%00@example.com")]
    public async Task An_invalid_address_of_a_user_is_rejected_beside_the_field(string query)
    {
        var admin = await portal.OpenAdministrationAsync();

        var page = await admin.GetAsync("/admin/user" + query);

        page.FieldError.ShouldBe("Enter an email address in the correct format, like name@example.com.");
        (await admin.PostAsync("/admin/user/revoke", ("email", "nobody"))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_user_without_sessions_is_still_found_by_the_full_address()
    {
        var admin = await portal.OpenAdministrationAsync();
        var email = TestUser.New();

        var page = await admin.GetAsync("/admin/user?prefix=" + email);

        page.Find($"main a[href='/admin/user?email={Uri.EscapeDataString(email)}']").ShouldNotBeNull();
        (await admin.GetAsync("/admin/user?email=" + email)).Text.ShouldContain("Live sessions: 0");
    }

    [Theory]
    [InlineData("/admin", "Overview")]
    [InlineData("/admin/sessions", "Sessions")]
    [InlineData("/admin/user", "Users")]
    [InlineData("/admin/accounts", "Service accounts")]
    [InlineData("/admin/audit", "Audit log")]
    [InlineData("/admin/check", "Diagnostics")]
    public async Task Every_page_is_in_the_navigation_and_says_who_is_signed_in(string path, string title)
    {
        var page = await (await portal.OpenAdministrationAsync()).GetAsync(path);

        page.Find("h1")!.TextContent.ShouldBe(title);
        page.Page.QuerySelectorAll("nav.admin-nav a[aria-current=page]").ShouldHaveSingleItem().TextContent.Trim().ShouldBe(title);
        page.Find("nav.admin-nav [popovertarget]")!.GetAttribute("popovertarget").ShouldBe(page.Find("[popover]")!.Id);
        page.Find("form[action='/admin/logout']")!.TextContent.ShouldContain("Secret key");
        page.Text.ShouldContain("Times are in UTC.");
    }

    [Fact]
    public async Task An_administrator_signed_in_by_email_is_named_and_signs_out_of_the_portal()
    {
        await using var own = await PortalHost.StartAsync(("ADMIN_EMAILS", "boss@example.com"));
        var boss = await own.SignInAsync("boss@example.com");

        var page = await boss.GetAsync("/admin");

        page.Find("nav form[action='/logout']")!.TextContent.ShouldContain("boss@example.com");
    }
}
