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
    string Id, string Email, string Device, string UserAgent, string Ip, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt,
    DateTimeOffset ExpiresAt);

public sealed partial class SessionGrid(AdminAccess policy, SessionList sessions, TokenStore tokens, AuditLog audit, IJSRuntime script)
{
    private const int PageSize = 20;
    private static readonly SortOrder?[] s_upFirst = [SortOrder.Ascending, SortOrder.Descending];
    private static readonly SortOrder?[] s_downFirst = [SortOrder.Descending, SortOrder.Ascending];

    private RadzenDataGrid<SessionRow> _grid = null!;
    private ElementReference _dialog;

    // Null until the first page is loaded, because the grid loads it on its own only then.
    private IReadOnlyList<SessionRow>? _rows;
    private readonly Dictionary<string, SessionRow> _selected = new(StringComparer.Ordinal);
    private int _total;
    private bool _byAddress;
    private bool _loading;
    private bool _busy;
    private string _typed = "";
    private string _prefix = "";
    private string _typedFilter = "";
    private string _filter = "";
    private string? _message;
    private PendingRevocation? _pending;

    private abstract record PendingRevocation
    {
        public sealed record One(SessionRow Row) : PendingRevocation;

        public sealed record Selected(IReadOnlyList<SessionRow> Rows) : PendingRevocation;

        public sealed record User(string Email) : PendingRevocation;

        public sealed record Everyone : PendingRevocation;
    }

    [Parameter, EditorRequired]
    public AdminSession Session { get; set; } = null!;

    /// <summary>The beginning of an address to search for at first.</summary>
    [Parameter]
    public string Search { get; set; } = "";

    /// <summary>Raised when the administrator's session has ended.</summary>
    [Parameter, EditorRequired]
    public EventCallback Ended { get; set; }

    private bool AreAllSelected => _rows is { Count: > 0 } rows && rows.All(row => _selected.ContainsKey(row.Id));

    protected override void OnInitialized() => (_typed, _prefix) = (Search, PrefixOf(Search));

    private static string PrefixOf(string typed) => typed.Trim().ToLowerInvariant();

    private Task SearchAsync()
    {
        (_prefix, _filter) = (PrefixOf(_typed), _typedFilter.Trim());
        _selected.Clear();
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
            // The index knows only addresses and times, so a filter reads the first sessions of the order.
            var slice = await sessions.SliceAsync(_filter.Length == 0 ? query : query with { Skip = 0, Take = SessionList.MaxShown });
            IReadOnlyList<SessionRow> rows = [.. slice.Sessions.Select(session => new SessionRow(
                session.Id, session.Email, DeviceName.Of(session.UserAgent, T), session.UserAgent, session.Ip, session.CreatedAt,
                session.LastSeenAt, session.ExpiresAt))];
            if (_filter.Length > 0) rows = [.. rows.Where(IsInFilter)];
            _total = _filter.Length == 0 ? (int)slice.Total : rows.Count;
            _rows = _filter.Length == 0 ? rows : [.. rows.Skip(query.Skip).Take(query.Take)];
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
                PendingRevocation.One(var row) => await RevokeAsync([row]),
                PendingRevocation.Selected(var rows) => await RevokeAsync(rows),
                PendingRevocation.User(var email) => Log(email, await tokens.RevokeAllAsync(email)),
                PendingRevocation.Everyone => Log(null, await tokens.RevokeEveryoneAsync()),
                _ => throw new UnreachableException(),
            };
            _selected.Clear();
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

    private async Task<int> RevokeAsync(IReadOnlyList<SessionRow> rows)
    {
        var total = 0;
        foreach (var user in rows.GroupBy(row => row.Email, StringComparer.Ordinal))
        {
            var revoked = await Task.WhenAll(user.Select(row => tokens.RevokeAsync(row.Id)));
            total += Log(user.Key, revoked.Count(done => done));
        }
        return total;
    }

    private int Log(string? email, int count)
    {
        if (count > 0) audit.WriteByAdmin(AuditEvent.Revoked, email, Session.Ip, $"sessions:{count}", Session.By);
        return count;
    }

    private bool IsInFilter(SessionRow row) => ((string[])[row.Ip, row.Device, row.UserAgent, row.Id])
        .Any(text => text.Contains(_filter, StringComparison.OrdinalIgnoreCase));

    private void Select(SessionRow row)
    {
        if (!_selected.Remove(row.Id)) _selected[row.Id] = row;
    }

    private void SelectAll()
    {
        var all = AreAllSelected;
        foreach (var row in _rows ?? [])
        {
            if (all) _selected.Remove(row.Id);
            else _selected[row.Id] = row;
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
        PendingRevocation.Selected(var rows) => T["RevokeSelectedQuestion", rows.Count],
        PendingRevocation.User(var email) => T["RevokeUserQuestion", email],
        _ => T["RevokeEveryoneQuestion"],
    };
}
