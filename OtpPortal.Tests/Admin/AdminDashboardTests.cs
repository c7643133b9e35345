using System.Runtime.CompilerServices;
using AngleSharp.Dom;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Admin;
using OtpPortal.Auditing;
using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;
using Radzen;

namespace OtpPortal.Tests.Admin;

/// <summary>The session list and charts of the admin board, rendered over a real store.</summary>
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
        _page.Services.AddScoped<TooltipService>();
        // The component library calls JavaScript functions that do not affect these tests.
        _page.JSInterop.Mode = JSRuntimeMode.Loose;
        _page.JSInterop.Setup<Radzen.Blazor.Rendering.Rect>("Radzen.createChart", _ => true)
            .SetResult(new Radzen.Blazor.Rendering.Rect { Width = 600, Height = 240 });
    }

    public async Task DisposeAsync()
    {
        await _page.DisposeAsync();
        await _portal.DisposeAsync();
    }

    private async Task<IRenderedComponent<AdminDashboard>> RenderAsync(int sessions)
    {
        var board = _page.Render<AdminDashboard>(component => component.Add(board => board.Session, _pass));
        await WaitForRowsAsync(board, sessions);
        return board;
    }

    private static Task WaitForRowsAsync(IRenderedComponent<AdminDashboard> board, int count) =>
        Eventually.BeTrueAsync(() => board.FindAll(".admin-row-actions").Count == count, $"{count} sessions are shown");

    private Task<LiveToken> IssueAsync(string email) => Tokens.IssueAsync(email, "192.0.2.1", "Tests/1.0");

    // Found and clicked in one step of the circuit: in between it may draw again. While something is being revoked, the button is disabled.
    private static Task ClickAsync(
        IRenderedComponent<AdminDashboard> board, Func<IElement?> find, [CallerArgumentExpression(nameof(find))] string what = "") =>
        Eventually.BeTrueAsync(
            () => board.InvokeAsync(() =>
            {
                if (find() is not { } button || button.HasAttribute("disabled")) return false;
                button.Click();
                return true;
            }),
            what);

    private static Task ClickAsync(IRenderedComponent<AdminDashboard> board, string selector, string text) =>
        ClickAsync(board, () => board.FindAll(selector).FirstOrDefault(button => button.TextContent.Trim() == text));

    private static Task ClickInRowAsync(IRenderedComponent<AdminDashboard> board, string email, int button) =>
        ClickAsync(
            board,
            () => board.FindAll("tr")
                .FirstOrDefault(tr => tr.TextContent.Contains(email, StringComparison.Ordinal))?.QuerySelectorAll(
                    ".admin-row-actions button")[button]);

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
        await ClickInRowAsync(board, "ann@example.com", 0);
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
            async () => (await log.ReadAsync(0, 10)).Entries
                .Any(entry => entry is { Event: AuditEvent.Revoked, Address: "a…@example.com", Outcome: "sessions:1", By: "key" }));
    }

    [Fact]
    public async Task Revokes_all_sessions_of_one_user_or_of_every_user()
    {
        LiveToken[] ann = [await IssueAsync("ann@example.com"), await IssueAsync("ann@example.com")];
        LiveToken[] others = [await IssueAsync("bob@example.com"), await IssueAsync("eve@example.com")];
        var board = await RenderAsync(4);
        await ClickInRowAsync(board, "ann@example.com", 1);
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
        await ClickInRowAsync(board, "ann@example.com", 0);
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
    public async Task Shows_nothing_to_a_user_who_is_not_an_administrator()
    {
        var user = await IssueAsync("user@example.com");
        _pass = new AdminSession.ByAddress(user.SessionId, "user@example.com", "192.0.2.1");

        var board = _page.Render<AdminDashboard>(component => component.Add(board => board.Session, _pass));

        await Eventually.BeTrueAsync(() => board.Markup.Contains("Your session has ended", StringComparison.Ordinal));
        board.Markup.ShouldNotContain("user@example.com");
    }
}
