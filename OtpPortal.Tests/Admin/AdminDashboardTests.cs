using System.Runtime.CompilerServices;
using AngleSharp.Dom;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Admin;
using OtpPortal.Auditing;
using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>The overview and the session list, rendered over a real store.</summary>
public sealed class AdminDashboardTests : IAsyncLifetime
{
    private readonly BunitContext _page = new();
    private PortalHost _portal = null!;
    private BrowserClient _admin = null!;
    private AdminSession _pass = null!;

    private TokenStore Tokens => _portal.Services.GetRequiredService<TokenStore>();

    public async Task InitializeAsync()
    {
        _portal = await PortalHost.StartAsync(("ADMIN_EMAILS", "boss@example.com"));
        _admin = await _portal.OpenAdministrationAsync();
        _pass = new AdminSession.ByKey(AdminSessionStore.NameOf(_admin.Cookies["otp_admin"]), "192.0.2.1");
        _page.Services.AddLogging().AddLocalization();
        _page.Services.AddSingleton(_portal.Services.GetRequiredService<AdminAccess>());
        _page.Services.AddSingleton(_portal.Services.GetRequiredService<Statistics>());
        _page.Services.AddSingleton(_portal.Services.GetRequiredService<AuditLog>());
        _page.Services.AddSingleton(Tokens);
        _page.Services.AddSingleton(_portal.Services.GetRequiredService<SessionList>());
        _page.Services.AddSingleton<TimeProvider>(_portal.Clock);
        // The component library calls JavaScript functions that do not affect these tests.
        _page.JSInterop.Mode = JSRuntimeMode.Loose;
    }

    public async Task DisposeAsync()
    {
        await _page.DisposeAsync();
        await _portal.DisposeAsync();
    }

    private async Task<IRenderedComponent<SessionBoard>> RenderAsync(int sessions)
    {
        var board = _page.Render<SessionBoard>(component => component.Add(board => board.Session, _pass));
        await WaitForRowsAsync(board, sessions);
        return board;
    }

    private static Task WaitForRowsAsync(IRenderedComponent<SessionBoard> board, int count) =>
        Eventually.BeTrueAsync(() => board.FindAll(".admin-row-actions").Count == count, $"{count} sessions are shown");

    private Task<LiveToken> IssueAsync(string email) => Tokens.IssueAsync(email, "192.0.2.1", "Tests/1.0");

    // Found and clicked in one step of the circuit: in between it may draw again. While something is being revoked, the button is disabled.
    private static Task ClickAsync(
        IRenderedComponent<SessionBoard> board, Func<IElement?> find, [CallerArgumentExpression(nameof(find))] string what = "") =>
        Eventually.BeTrueAsync(
            () => board.InvokeAsync(() =>
            {
                if (find() is not { } button || button.HasAttribute("disabled")) return false;
                button.Click();
                return true;
            }),
            what);

    private static Task ClickAsync(IRenderedComponent<SessionBoard> board, string selector, string text) =>
        ClickAsync(board, () => board.FindAll(selector).FirstOrDefault(button => button.TextContent.Trim() == text));

    private static IElement? Row(IRenderedComponent<SessionBoard> board, string email) =>
        board.FindAll("tr.rz-data-row").FirstOrDefault(tr => tr.TextContent.Contains(email, StringComparison.Ordinal));

    private static Task ClickInRowAsync(IRenderedComponent<SessionBoard> board, string email, string text) =>
        ClickAsync(board, () => Row(board, email)?.QuerySelectorAll("button").First(button => button.TextContent.Trim() == text));

    private static Task SelectAsync(IRenderedComponent<SessionBoard> board, string email) =>
        board.InvokeAsync(() => Row(board, email).ShouldNotBeNull().QuerySelector("input[type=checkbox]")!.Change(true));

    private static Task ConfirmAsync(IRenderedComponent<SessionBoard> board) => ClickAsync(board, "dialog button", "Revoke");

    private Task<bool> IsLiveAsync(LiveToken token) =>
        Tokens.UseAsync(token.Token).ContinueWith(found => found.Result is not null, TaskScheduler.Default);

    [Fact]
    public async Task The_list_is_sortable_by_address_first_seen_and_last_seen()
    {
        await IssueAsync("ann@example.com");
        var board = await RenderAsync(1);

        var sortable = board.FindAll("th").Where(heading => heading.QuerySelector(".rz-sortable-column-icon") is not null);

        sortable.Select(heading => heading.TextContent.Trim()).ShouldBe(["Email address", "First seen", "Last seen"]);
    }

    [Fact]
    public async Task Revoking_a_session_asks_for_confirmation_and_takes_effect_immediately()
    {
        var (one, other) = (await IssueAsync("ann@example.com"), await IssueAsync("bob@example.com"));
        var board = await RenderAsync(2);
        await ClickInRowAsync(board, "ann@example.com", "Revoke");
        await Eventually.BeTrueAsync(
            () => board.FindAll("#question-text") is [var question]
                && question.TextContent.Contains("ann@example.com", StringComparison.Ordinal));
        (await IsLiveAsync(one)).ShouldBeTrue("nothing happens before the user confirms");

        await ClickAsync(board, "dialog button", "Revoke");

        await WaitForRowsAsync(board, 1);
        (await IsLiveAsync(one)).ShouldBeFalse();
        (await IsLiveAsync(other)).ShouldBeTrue();
        var log = _portal.Services.GetRequiredService<AuditLog>();
        await Eventually.BeTrueAsync(
            async () => (await log.ReadAsync(0, 10, AuditFilter.All)).Entries
                .Any(entry => entry is { Event: AuditEvent.Revoked, Address: "a…@example.com", Outcome: "sessions:1", By: "key" }));
    }

    [Fact]
    public async Task Revokes_all_sessions_of_one_user_or_of_every_user()
    {
        LiveToken[] ann = [await IssueAsync("ann@example.com"), await IssueAsync("ann@example.com")];
        LiveToken[] others = [await IssueAsync("bob@example.com"), await IssueAsync("eve@example.com")];
        var board = await RenderAsync(4);
        await ClickInRowAsync(board, "ann@example.com", "Details");
        await ClickAsync(board, ".admin-row-more button", "Revoke all for this user");
        await Eventually.BeTrueAsync(() => board.FindAll("#question-text").Count == 1);
        await ClickAsync(board, "dialog button", "Revoke");
        await WaitForRowsAsync(board, 2);
        foreach (var token in ann) (await IsLiveAsync(token)).ShouldBeFalse();

        await ClickAsync(board, "button", "Revoke all sessions");
        await Eventually.BeTrueAsync(() => board.FindAll(
            "#question-text") is [var question] && question.TextContent.Contains("every session", StringComparison.Ordinal));
        await ClickAsync(board, "dialog button", "Revoke");
        await WaitForRowsAsync(board, 0);
        foreach (var token in others) (await IsLiveAsync(token)).ShouldBeFalse();
        (await _admin.HasAccessAsync()).ShouldBeTrue("the session of the secret key is not a user session");
    }

    [Fact]
    public async Task Hides_its_data_within_10_seconds_of_a_sign_out_elsewhere()
    {
        await IssueAsync("ann@example.com");
        var board = await RenderAsync(1);
        await _admin.PostAsync("/admin/logout");

        for (var second = 0; second < 10; second++) _portal.Clock.Advance(TimeSpan.FromSeconds(1));

        await Eventually.BeTrueAsync(() => board.FindAll(
            "[role=alert]") is [var alert] && alert.TextContent.Contains("your session expired or was revoked", StringComparison.Ordinal));
        board.Markup.ShouldNotContain("ann@example.com");
        board.FindAll("table").ShouldBeEmpty();
    }

    [Fact]
    public async Task An_open_page_does_not_extend_the_admin_session()
    {
        await IssueAsync("ann@example.com");
        var board = await RenderAsync(1);

        await _portal.Clock.AdvanceUntilAsync(
            () => board.Markup.Contains("Your session has ended", StringComparison.Ordinal), TimeSpan.FromSeconds(5));

        (await _admin.HasAccessAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task A_revocation_is_refused_when_the_admin_session_has_just_ended()
    {
        var token = await IssueAsync("ann@example.com");
        var board = await RenderAsync(1);
        await ClickInRowAsync(board, "ann@example.com", "Revoke");
        await Eventually.BeTrueAsync(() => board.FindAll("#question-text").Count == 1);
        await _admin.PostAsync("/admin/logout");

        await ClickAsync(board, "dialog button", "Revoke");

        await Eventually.BeTrueAsync(() => board.Markup.Contains("Your session has ended", StringComparison.Ordinal));
        (await IsLiveAsync(token)).ShouldBeTrue();
    }

    [Fact]
    public async Task An_administrator_who_revokes_all_sessions_loses_access_too()
    {
        var boss = await IssueAsync("boss@example.com");
        _pass = new AdminSession.ByAddress(boss.SessionId, "boss@example.com", "192.0.2.1");
        var board = await RenderAsync(1);

        await ClickAsync(board, "button", "Revoke all sessions");
        await Eventually.BeTrueAsync(() => board.FindAll("#question-text").Count == 1);
        await ClickAsync(board, "dialog button", "Revoke");

        await Eventually.BeTrueAsync(() => board.Markup.Contains("Your session has ended", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Selected_sessions_are_revoked_together_and_recorded_by_user()
    {
        LiveToken[] ann = [await IssueAsync("ann@example.com"), await IssueAsync("ann@example.com")];
        var (bob, eve) = (await IssueAsync("bob@example.com"), await IssueAsync("eve@example.com"));
        var board = await RenderAsync(4);
        board.FindAll(".admin-bulk button")[0].HasAttribute("disabled").ShouldBeTrue("nothing is selected");
        await board.InvokeAsync(() => board.Find(".admin-bulk input").Change(true));
        board.FindAll("button").ShouldContain(button => button.TextContent.Trim() == "Revoke selected (4)");
        await SelectAsync(board, "eve@example.com");

        await ClickAsync(board, ".admin-bulk button", "Revoke selected (3)");
        await Eventually.BeTrueAsync(() => board.FindAll("#question-text") is [var question]
            && question.TextContent.Contains("the selected sessions (3)", StringComparison.Ordinal));
        (await IsLiveAsync(bob)).ShouldBeTrue("nothing happens before the user confirms");
        await ConfirmAsync(board);

        await WaitForRowsAsync(board, 1);
        foreach (var token in (LiveToken[])[.. ann, bob]) (await IsLiveAsync(token)).ShouldBeFalse();
        (await IsLiveAsync(eve)).ShouldBeTrue();
        var log = _portal.Services.GetRequiredService<AuditLog>();
        await Eventually.BeTrueAsync(async () =>
            (await log.ReadAsync(0, 10, AuditFilter.All with { Event = AuditEvent.Revoked })).Entries
                .Select(entry => (entry.Address, entry.Outcome)).ToHashSet()
                .SetEquals([("a…@example.com", "sessions:2"), ("b…@example.com", "sessions:1")]));
        await Eventually.BeTrueAsync(
            () => board.FindAll(".admin-bulk button")[0].TextContent.Trim() == "Revoke selected (0)", "nothing is selected any more");
    }

    [Fact]
    public async Task Details_show_the_user_agent_the_id_and_the_expiry()
    {
        const string UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0 <b>";
        var token = await Tokens.IssueAsync("ann@example.com", "192.0.2.1", UserAgent);
        var board = await RenderAsync(1);
        board.FindAll(".admin-details").ShouldBeEmpty();

        await ClickInRowAsync(board, "ann@example.com", "Details");

        await Eventually.BeTrueAsync(() => board.FindAll(".admin-details").Count == 1);
        var texts = board.FindAll(".admin-details dd").Select(item => item.TextContent).ToList();
        texts.ShouldContain(UserAgent);
        texts.ShouldContain("192.0.2.1");
        texts.ShouldContain(token.SessionId);
        texts.ShouldContain("2026-03-08 12:00:00");
        board.Find(".admin-row-more a").GetAttribute("href").ShouldBe("/admin/user?email=ann%40example.com");
        board.FindAll("[aria-expanded=true]").Count.ShouldBe(1);
        await ClickInRowAsync(board, "ann@example.com", "Details");
        await Eventually.BeTrueAsync(() => board.FindAll(".admin-details").Count == 0);
    }

    [Fact]
    public async Task The_list_is_filtered_by_device_or_IP_address()
    {
        await Tokens.IssueAsync("ann@example.com", "192.0.2.1", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        await Tokens.IssueAsync("bob@example.com", "198.51.100.7", "curl/8.5");
        await Tokens.IssueAsync("bill@example.com", "198.51.100.8", "curl/8.5");
        var board = await RenderAsync(3);

        async Task SearchAsync(string prefix, string filter, params string[] expected)
        {
            await board.InvokeAsync(() =>
            {
                board.Find("#prefix").Input(prefix);
                board.Find("#filter").Input(filter);
                board.Find("form[role=search]").Submit();
            });
            await Eventually.BeTrueAsync(
                () => board.FindAll("tr.rz-data-row td a").Select(link => link.TextContent).Order(StringComparer.Ordinal)
                    .SequenceEqual(expected.Order(StringComparer.Ordinal), StringComparer.Ordinal),
                $"{prefix} {filter}");
        }

        await SearchAsync("", "firefox on", "ann@example.com");
        await SearchAsync("", "198.51.", "bob@example.com", "bill@example.com");
        await SearchAsync("bo", "curl", "bob@example.com");
        await SearchAsync("ann", "curl");
        await SearchAsync("", "", "ann@example.com", "bob@example.com", "bill@example.com");
    }

    [Fact]
    public async Task The_overview_follows_new_sign_ins_without_a_reload()
    {
        var overview = _page.Render<AdminDashboard>(component => component
            .Add(board => board.Session, _pass).Add(board => board.Range, StatisticsRange.Day));
        string Tile(string name) => overview.FindAll(".admin-tiles > div")
            .Single(tile => tile.QuerySelector("dt")!.TextContent == name).QuerySelector("strong")!.TextContent;
        await Eventually.BeTrueAsync(() => overview.FindAll(".admin-tiles").Count == 1);
        (Tile("Sign-ins started"), Tile("Share completed"), Tile("Sessions")).ShouldBe(("0", "–", "0"));

        await _portal.SignInAsync("ann@example.com");
        await _portal.NewBrowser().PostAsync("/login", ("email", "bob@example.com"));

        await _portal.Clock.AdvanceUntilAsync(() => Tile("Sign-ins started") == "2", TimeSpan.FromSeconds(5));
        (Tile("Share completed"), Tile("Sessions")).ShouldBe(("50%", "1"));
        overview.Find(".admin-latest a").TextContent.ShouldBe("ann@example.com");
        overview.FindAll(".admin-chart path").Count(path => path.GetAttribute("d") is { Length: > 0 }).ShouldBeGreaterThanOrEqualTo(2);

        await _admin.PostAsync("/admin/logout");
        await _portal.Clock.AdvanceUntilAsync(
            () => overview.Markup.Contains("Your session has ended", StringComparison.Ordinal), TimeSpan.FromSeconds(5));
        overview.Markup.ShouldNotContain("ann@example.com");
        overview.FindAll("svg path").ShouldBeEmpty();
    }

    [Fact]
    public async Task Shows_nothing_to_a_user_who_is_not_an_administrator()
    {
        var user = await IssueAsync("user@example.com");
        _pass = new AdminSession.ByAddress(user.SessionId, "user@example.com", "192.0.2.1");

        var board = _page.Render<SessionBoard>(component => component.Add(board => board.Session, _pass));
        var overview = _page.Render<AdminDashboard>(component => component.Add(board => board.Session, _pass));

        await Eventually.BeTrueAsync(() => overview.Markup.Contains("Your session has ended", StringComparison.Ordinal));
        await Eventually.BeTrueAsync(() => board.Markup.Contains("Your session has ended", StringComparison.Ordinal));
        board.Markup.ShouldNotContain("user@example.com");
    }
}
