using System.Diagnostics;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OtpPortal.Auditing;
using OtpPortal.Sessions;
using OtpPortal.Storage;
using Radzen;
using Radzen.Blazor;

namespace OtpPortal.Admin;

/// <summary>A session in the grid, without its token.</summary>
public sealed record SessionRow(
    string Id, string Email, string Device, string Ip, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt);

public sealed partial class SessionGrid(AdminAccess policy, SessionList sessions, TokenStore tokens, AuditLog audit, IJSRuntime script)
{
    private const int PageSize = 20;
    private static readonly SortOrder?[] s_upFirst = [SortOrder.Ascending, SortOrder.Descending];
    private static readonly SortOrder?[] s_downFirst = [SortOrder.Descending, SortOrder.Ascending];

    private RadzenDataGrid<SessionRow> _grid = null!;
    private ElementReference _dialog;

    // Null until the first page is loaded, because the grid loads it on its own only then.
    private IReadOnlyList<SessionRow>? _rows;
    private int _total;
    private bool _byAddress;
    private bool _loading;
    private bool _busy;
    private string _typed = "";
    private string _prefix = "";
    private string? _message;
    private PendingRevocation? _pending;

    private abstract record PendingRevocation
    {
        public sealed record One(SessionRow Row) : PendingRevocation;

        public sealed record User(string Email) : PendingRevocation;

        public sealed record Everyone : PendingRevocation;
    }

    [Parameter, EditorRequired]
    public AdminSession Session { get; set; } = null!;

    /// <summary>Raised when the administrator's session has ended.</summary>
    [Parameter, EditorRequired]
    public EventCallback Ended { get; set; }

    private Task SearchAsync()
    {
        _prefix = _typed.Trim().ToLowerInvariant();
        _message = null;
        return _grid.FirstPage(forceReload: true);
    }

    private async Task LoadAsync(LoadDataArgs args)
    {
        _loading = true;
        try
        {
            if (!await EnsureSessionAsync()) return;
            var sort = args.Sorts?.FirstOrDefault();
            var order = sort?.Property switch
            {
                nameof(SessionRow.Email) => SessionOrder.Email,
                nameof(SessionRow.CreatedAt) => SessionOrder.Created,
                _ => SessionOrder.LastSeen,
            };
            // By default the most recently used sessions come first.
            var descending = sort is null || sort.SortOrder == SortOrder.Descending;
            var query = new SessionQuery(_prefix, order, descending, args.Skip ?? 0, args.Top ?? PageSize);
            var slice = await sessions.SliceAsync(query);
            _rows = [.. slice.Sessions.Select(session => new SessionRow(
                session.Id, session.Email, DeviceName.Of(session.UserAgent, T), session.Ip, session.CreatedAt, session.LastSeenAt,
                session.ExpiresAt))];
            _total = (int)slice.Total;
            _byAddress = slice.Order != order;
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _message = T["StoreAway"];
        }
        finally
        {
            _loading = false;
        }
    }

    private async Task AskAsync(PendingRevocation question)
    {
        _pending = question;
        _message = null;
        StateHasChanged();
        // The dialog sets the focus when it opens, so its content must be rendered before.
        await Task.Yield();
        await script.InvokeVoidAsync("otpAdmin.ask", _dialog);
    }

    private async Task CloseAsync() => await script.InvokeVoidAsync("otpAdmin.close", _dialog);

    private async Task RevokeAsync()
    {
        if (_busy || _pending is not { } question) return;
        _busy = true;
        try
        {
            if (!await EnsureSessionAsync()) return;
            var count = question switch
            {
                PendingRevocation.One(var row) => await tokens.RevokeAsync(row.Id) ? 1 : 0,
                PendingRevocation.User(var email) => await tokens.RevokeAllAsync(email),
                PendingRevocation.Everyone => await tokens.RevokeEveryoneAsync(),
                _ => throw new UnreachableException(),
            };
            var whose = question switch
            {
                PendingRevocation.One(var row) => row.Email,
                PendingRevocation.User(var email) => email,
                _ => null,
            };
            if (count > 0) audit.WriteByAdmin(AuditEvent.Revoked, whose, Session.Ip, $"sessions:{count}", Session.By);
            _message = T["RevokedCount", count];
            await CloseAsync();
            // The administrator's own session may be among them.
            if (await EnsureSessionAsync()) await _grid.Reload();
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _message = T["StoreAway"];
            await CloseAsync();
        }
        finally
        {
            _busy = false;
        }
    }

    private async Task<bool> EnsureSessionAsync()
    {
        if (await policy.UseAsync(Session)) return true;
        _rows = [];
        await Ended.InvokeAsync();
        return false;
    }

    private string TextOf(PendingRevocation question) => question switch
    {
        PendingRevocation.One(var row) => T["RevokeOneQuestion", row.Email, row.Device],
        PendingRevocation.User(var email) => T["RevokeUserQuestion", email],
        _ => T["RevokeEveryoneQuestion"],
    };
}
