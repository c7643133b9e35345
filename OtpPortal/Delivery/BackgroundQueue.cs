using System.Diagnostics.Metrics;

namespace OtpPortal.Delivery;

/// <summary>
/// Runs jobs in the background. Limits their number in total and per group, so that no group blocks the others.
/// </summary>
/// <remarks>
/// Each job is a task rather than an item for a worker, so a job that waits for a retry or a connection delays no other.
/// </remarks>
/// <param name="name">The name of the queue in metrics.</param>
public abstract class BackgroundQueue<T>(string name, int capacity, int capacityOfGroup) : IHostedService, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _countOfGroup = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private bool _isClosed;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // An empty queue is in the metrics as well.
        QueueMetrics.Changed(name, 0);
        return Task.CompletedTask;
    }

    /// <summary>Stops accepting jobs, and waits for the pending ones within the host's shutdown timeout.</summary>
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

    /// <summary>Adds a job. Returns null, or the reason why it was rejected.</summary>
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
        QueueMetrics.Changed(name, 1);
        // Without the request's execution context, which would keep the request's objects in memory.
        ThreadPool.UnsafeQueueUserWorkItem(_ => _ = RunAndRemoveAsync(job, group), null);
        return null;
    }

    /// <summary>Returns the group of jobs that are likely to fail together.</summary>
    protected abstract string GroupOf(T job);

    /// <summary>Runs the job, including retries.</summary>
    /// <param name="closing">Cancelled on shutdown: the job must not wait any longer.</param>
    protected abstract Task RunAsync(T job, CancellationToken closing);

    /// <summary>Called when a job throws.</summary>
    protected abstract void OnFailed(Exception exception);

    /// <summary>Called on shutdown if jobs are unfinished.</summary>
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
        QueueMetrics.Changed(name, -1);
        lock (_lock)
        {
            if (--_countOfGroup[group] == 0) _countOfGroup.Remove(group);
            if (--_count == 0 && _isClosed) _empty.TrySetResult();
        }
    }
}

/// <summary>Counts the pending jobs of the queues.</summary>
internal static class QueueMetrics
{
    private static readonly Meter s_meter = new("OtpPortal.Delivery");
    private static readonly UpDownCounter<int> s_length =
        s_meter.CreateUpDownCounter<int>("otpportal.queue.length", "{job}", "Number of messages or events that wait or are being sent.");

    public static void Changed(string queue, int by) => s_length.Add(by, new KeyValuePair<string, object?>("queue", queue));
}
