using System.Diagnostics.Metrics;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Auditing;

/// <summary>The events that <see cref="AuditWebhook"/> has not sent yet, of all replicas, oldest first.</summary>
/// <remarks>
/// Key layout in the OTP database: <c>audit:{stream}:queue</c>, a list of lines of JSON, each with its own id. A line is removed by
/// its value: the first one may have been dropped, or sent by another replica, since it was read.
/// </remarks>
internal sealed partial class AuditQueue : AuditSink
{
    /// <summary>Maximum number of unsent events. Beyond it, the oldest are dropped.</summary>
    internal const int MaxLength = 100_000;

    internal const string Key = "audit:{stream}:queue";

    // Deletes what is left after AUDIT_URL was removed.
    private static readonly TimeSpan s_retention = TimeSpan.FromDays(30);
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromSeconds(1);

    private readonly Stores _stores;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _added = new(0);
    private long _length;

    public AuditQueue(Stores stores, IMeterFactory meters, TimeProvider time, ILogger<AuditQueue> logger) : base("webhook", time, logger)
    {
        (_stores, _time, _logger) = (stores, time, logger);
        meters.Create("OtpPortal.Auditing").CreateObservableGauge(
            "otpportal.audit.backlog", () => Interlocked.Read(ref _length), "{event}",
            "Number of audit events that wait for AUDIT_URL, of all replicas.");
    }

    private StoreDatabase Database => _stores.Otp.Database;

    /// <summary>Returns the number of unsent events.</summary>
    public async Task<long> CountAsync()
    {
        var length = await Database.ListLengthAsync(Key);
        Interlocked.Exchange(ref _length, length);
        return length;
    }

    /// <summary>Returns the oldest unsent events.</summary>
    public async Task<IReadOnlyList<string>> PeekAsync(int count) =>
        [.. (await Database.ListRangeAsync(Key, 0, count - 1)).Select(line => (string)line!)];

    public async Task RemoveAsync(string line)
    {
        await Database.ListRemoveAsync(Key, line, 1);
        Interlocked.Decrement(ref _length);
    }

    /// <summary>Waits until this replica adds events, at most for the given time.</summary>
    public async Task WaitAsync(TimeSpan timeout, CancellationToken stop)
    {
        using var time = new CancellationTokenSource(timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(time.Token, stop);
        try
        {
            await _added.WaitAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // The time is up, or the portal stops.
        }
    }

    public override void Dispose()
    {
        _added.Dispose();
        base.Dispose();
    }

    // Repeated while the store is unavailable. If only the response was lost, the events are in the queue twice, with the same ids.
    protected override async Task<bool> WriteAsync(IReadOnlyList<string> lines, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await PushAsync(lines);
                _added.Release();
                return true;
            }
            catch (Exception e) when (StoreFailure.Is(e))
            {
                if (attempt == 1) NotQueued(e.GetType().Name);
            }
            if (stop.IsCancellationRequested) return false;
            await Task.Delay(s_retryDelay, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task PushAsync(IReadOnlyList<string> lines)
    {
        Task<long> pushed = null!;
        await Database.TransactAsync(transaction =>
        {
            pushed = transaction.ListRightPushAsync(Key, [.. lines.Select(line => (RedisValue)line)]);
            _ = transaction.ListTrimAsync(Key, -MaxLength, -1);
            _ = transaction.KeyExpireAsync(Key, s_retention);
        });
        var length = await pushed;
        Interlocked.Exchange(ref _length, Math.Min(length, MaxLength));
        if (length > MaxLength) Drop(length - MaxLength);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Audit events wait in memory: the store is unavailable ({Error})")]
    private partial void NotQueued(string error);
}
