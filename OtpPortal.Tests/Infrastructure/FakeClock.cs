using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// A clock that advances only when a test advances it. Its timers, delays and timeouts fire during the advance.
/// </summary>
public sealed class FakeClock : TimeProvider
{
    // How long AdvanceUntilAsync waits for the response to a call: much longer than one takes, unless the server never responds.
    private static readonly TimeSpan s_maxCall = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly List<FakeTimer> _timers = [];
    private readonly ConcurrentDictionary<object, long> _calls = [];
    private DateTimeOffset _now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Gets the number of active timers.</summary>
    public int TimersSet
    {
        get
        {
            lock (_lock) return _timers.Count;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock) return _now;
    }

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new FakeTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Advances the clock. Timers fire in order, each at its due time.</summary>
    public void Advance(TimeSpan by)
    {
        var target = GetUtcNow() + by;
        while (true)
        {
            FakeTimer? next;
            lock (_lock)
            {
                next = _timers.Where(timer => timer.Due <= target).MinBy(timer => timer.Due);
                if (next is null)
                {
                    if (_now < target) _now = target;
                    return;
                }
                if (_now < next.Due) _now = next.Due;
                next.Next(_now);
            }
            next.Fire();
        }
    }

    /// <summary>
    /// Advances the clock in steps until the condition is met, for waits of random length or unknown start. Lets queued
    /// work run between the steps, and calls to other servers complete, so that the clock does not outpace the program under
    /// heavy load: otherwise each call could exceed its timeout.
    /// </summary>
    public Task AdvanceUntilAsync(
        Func<Task<bool>> condition, TimeSpan step, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        Eventually.BeTrueAsync(
            async () =>
            {
                await DrainThreadPoolQueueAsync();
                if (await condition()) return true;
                if (_calls.Values.All(start => Stopwatch.GetElapsedTime(start) > s_maxCall)) Advance(step);
                return false;
            },
            what);

    public Task AdvanceUntilAsync(Func<bool> condition, TimeSpan step, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        AdvanceUntilAsync(() => Task.FromResult(condition()), step, what);

    /// <summary>Runs a call to another server.</summary>
    public async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        var key = new object();
        _calls[key] = Stopwatch.GetTimestamp();
        try
        {
            return await call();
        }
        finally
        {
            _calls.TryRemove(key, out _);
        }
    }

    // The global queue of the thread pool is FIFO, so earlier work items have started when this one runs.
    private static async Task DrainThreadPoolQueueAsync()
    {
        for (var turn = 0; turn < 10; turn++)
        {
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            ThreadPool.UnsafeQueueUserWorkItem(static mine => mine.SetResult(), mine, preferLocal: false);
            await mine.Task;
        }
    }

    private sealed class FakeTimer(FakeClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period = Timeout.InfiniteTimeSpan;

        public DateTimeOffset Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                clock._timers.Remove(this);
                _period = period;
                if (dueTime == Timeout.InfiniteTimeSpan) return true;
                Due = clock._now + dueTime;
                clock._timers.Add(this);
            }
            if (dueTime == TimeSpan.Zero) clock.Advance(TimeSpan.Zero);
            return true;
        }

        public void Next(DateTimeOffset now)
        {
            if (_period > TimeSpan.Zero) Due = now + _period;
            else clock._timers.Remove(this);
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (clock._lock) clock._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
