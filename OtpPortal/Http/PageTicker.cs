namespace OtpPortal.Http;

/// <summary>
/// Lets a page that is open in a circuit look again and again, until it is left. A page that was left is waited for: its last look is over
/// before what it looks with is disposed of.
/// </summary>
internal sealed class PageTicker(TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource _left = new();
    private Task _ticking = Task.CompletedTask;

    /// <summary>Cancelled once the page was left.</summary>
    public CancellationToken Left => _left.Token;

    /// <summary>
    /// Ticks as long as <paramref name="goesOn"/> says so; <paramref name="tick"/> is told the number of the tick, from 1.
    /// </summary>
    public void Start(TimeSpan interval, Func<bool> goesOn, Func<int, Task> tick) => _ticking = TickAsync(interval, goesOn, tick);

    public async ValueTask DisposeAsync()
    {
        await _left.CancelAsync();
        await _ticking;
        _left.Dispose();
    }

    private async Task TickAsync(TimeSpan interval, Func<bool> goesOn, Func<int, Task> tick)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            for (var number = 1; goesOn() && await timer.WaitForNextTickAsync(Left); number++) await tick(number);
        }
        catch (OperationCanceledException)
        {
            // The page was left.
        }
    }
}
