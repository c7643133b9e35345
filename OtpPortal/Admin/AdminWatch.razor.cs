using Microsoft.AspNetCore.Components;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.Admin;

/// <summary>
/// Checks the administrator's session periodically, because a circuit outlives the request that opened it, and refreshes what the
/// page shows.
/// </summary>
public sealed partial class AdminWatch(AdminAccess policy, TimeProvider time)
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(5);

    private readonly PageTicker _ticker = new(time);
    private Access _access = Access.Unchecked;

    private enum Access
    {
        Unchecked,
        Held,

        /// <summary>The store is unavailable, so nothing is shown.</summary>
        Unknown,
        Ended,
    }

    [Parameter, EditorRequired]
    public AdminSession Session { get; set; } = null!;

    /// <summary>Reads what the page shows, every five seconds.</summary>
    [Parameter]
    public Func<Task>? Refresh { get; set; }

    [Parameter, EditorRequired]
    public RenderFragment ChildContent { get; set; } = null!;

    public ValueTask DisposeAsync() => _ticker.DisposeAsync();

    /// <summary>Hides the data.</summary>
    public void End()
    {
        _access = Access.Ended;
        StateHasChanged();
    }

    protected override Task OnInitializedAsync() => CheckAsync();

    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender) _ticker.Start(s_tick, () => _access != Access.Ended, _ => InvokeAsync(TickAsync));
    }

    private async Task TickAsync()
    {
        var before = _access;
        await CheckAsync();
        if (_access != before || Refresh is not null) StateHasChanged();
    }

    private async Task CheckAsync()
    {
        if (_access == Access.Ended) return;
        try
        {
            if (!await policy.IsValidAsync(Session))
            {
                _access = Access.Ended;
                return;
            }
            if (Refresh is not null) await Refresh();
            _access = Access.Held;
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _access = Access.Unknown;
        }
    }
}
