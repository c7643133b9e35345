namespace OtpPortal.Delivery;

/// <summary>
/// Runs jobs in the background: a limited number of them altogether, and for each group, so that no group fills the queue for the others.
/// </summary>
/// <remarks>
/// Each job is a task and not an item that a worker fetches, so a job that waits for its next try or for a connection delays no other.
/// </remarks>
public abstract class BackgroundQueue<T>(int capacity, int capacityOfGroup) : IHostedService, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _countOfGroup = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private bool _isClosed;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Takes no more jobs, and waits for those that it has as long as the host's shutdown timeout allows.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _isClosed = true;
            if (_count == 0) _empty.TrySetResult();
        }
        await _closing.CancelAsync();
        await Task.WhenAny(_empty.Task, Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken));
        if (!_empty.Task.IsCompleted) OnLost(_count);
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes a job. Returns null, or why it is not taken.</summary>
    protected string? TryAdd(T job)
    {
        var group = GroupOf(job);
        lock (_lock)
        {
            var count = _countOfGroup.GetValueOrDefault(group);
            if (_isClosed) return "the portal is stopping";
            if (_count >= capacity || count >= capacityOfGroup) return "the queue is full";
            _count++;
            _countOfGroup[group] = count + 1;
        }
        // Without the request's execution context, which would keep alive what the request used.
        ThreadPool.UnsafeQueueUserWorkItem(_ => _ = RunAndRemoveAsync(job, group), null);
        return null;
    }

    /// <summary>Returns the group whose jobs are likely to fail together.</summary>
    protected abstract string GroupOf(T job);

    /// <summary>Does the job, with all its tries.</summary>
    /// <param name="closing">Cancelled when the portal stops: nothing is worth waiting for any more.</param>
    protected abstract Task RunAsync(T job, CancellationToken closing);

    /// <summary>Called when a job throws.</summary>
    protected abstract void OnFailed(Exception exception);

    /// <summary>Called when the portal stops with unfinished jobs.</summary>
    protected abstract void OnLost(int count);

    protected virtual void Dispose(bool disposing)
    {
        if (disposing) _closing.Dispose();
    }

    private async Task RunAndRemoveAsync(T job, string group)
    {
        try
        {
            await RunAsync(job, _closing.Token);
        }
        catch (Exception e)
        {
            OnFailed(e);
        }
        lock (_lock)
        {
            if (--_countOfGroup[group] == 0) _countOfGroup.Remove(group);
            if (--_count == 0 && _isClosed) _empty.TrySetResult();
        }
    }
}
