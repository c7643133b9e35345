using Microsoft.AspNetCore.Components;
using OtpPortal.Auditing;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.Admin;

/// <summary>
/// The administrator's dashboard. A circuit outlives the request that opened it, so it checks the session periodically.
/// </summary>
public sealed partial class AdminDashboard(AdminAccess policy, Statistics statistics, TimeProvider time)
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(5);

    // One report per minute.
    private const int TicksPerReport = 12;

    private readonly PageTicker _ticker = new(time);
    private Access _access = Access.Held;
    private StatisticsReport? _report;

    private enum Access
    {
        Held,

        /// <summary>The store is unavailable, so nothing is shown.</summary>
        Unknown,
        Ended,
    }

    /// <summary>The administrator's session. It is encrypted in the page that starts the circuit.</summary>
    [Parameter, EditorRequired]
    public AdminSession Session { get; set; } = null!;

    public ValueTask DisposeAsync() => _ticker.DisposeAsync();

    protected override async Task OnInitializedAsync() => await RefreshAsync(withReport: true);

    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender) _ticker.Start(s_tick, () => _access != Access.Ended, tick => InvokeAsync(() => TickOnceAsync(tick)));
    }

    private async Task TickOnceAsync(int tick)
    {
        var before = _access;
        await RefreshAsync(withReport: tick % TicksPerReport == 0);
        if (_access != before || tick % TicksPerReport == 0) StateHasChanged();
    }

    private async Task RefreshAsync(bool withReport)
    {
        if (_access == Access.Ended) return;
        try
        {
            if (!await policy.IsValidAsync(Session))
            {
                End();
                return;
            }
            if (withReport || _report is null) _report = await statistics.ReadAsync();
            _access = Access.Held;
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _access = Access.Unknown;
        }
    }

    private void End() => (_access, _report) = (Access.Ended, null);
}
