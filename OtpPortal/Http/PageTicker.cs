namespace OtpPortal.Http;

/// <summary>
/// Refreshes a page in a circuit until it is disposed. Disposal waits for the last tick, so that it does not use disposed
/// objects.
/// </summary>
internal sealed class PageTicker(TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopped = new();
    private Task _ticking = Task.CompletedTask;

    /// <summary>Cancelled when the page is disposed.</summary>
    public CancellationToken Left => _stopped.Token;

    /// <summary>
    /// Starts ticking while <paramref name="goesOn"/> returns true. <paramref name="tick"/> receives the number of the tick,
    /// from 1.
    /// </summary>
    public void Start(TimeSpan interval, Func<bool> goesOn, Func<int, Task> tick) => _ticking = TickAsync(interval, goesOn, tick);

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        await _ticking;
        _stopped.Dispose();
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
            // The page has been disposed.
        }
    }
}
