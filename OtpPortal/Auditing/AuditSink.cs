using System.Diagnostics.Metrics;
using System.Threading.Channels;

namespace OtpPortal.Auditing;

/// <summary>
/// A destination of audit events besides the audit log. Takes events without waiting, and writes them in batches in the background.
/// </summary>
public abstract partial class AuditSink : BackgroundService
{
    /// <summary>Maximum number of events in memory. Beyond it, the oldest are dropped.</summary>
    internal const int Capacity = 10_000;

    private const int MaxBatch = 500;

    // Real time, not TimeProvider: it bounds the shutdown.
    private static readonly TimeSpan s_flushTimeout = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMinutes(1);

    private static readonly Meter s_meter = new("OtpPortal.Auditing");
    private static readonly Counter<long> s_dropped =
        s_meter.CreateCounter<long>("otpportal.audit.dropped", "{event}", "Number of audit events that were lost.");

    private readonly string _name;
    private readonly ILogger _logger;
    private readonly Channel<string> _lines;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private long _unreported;
    private DateTimeOffset _nextReport;

    /// <param name="name">The setting, for metrics and logs.</param>
    protected AuditSink(string name, TimeProvider time, ILogger logger)
    {
        (_name, _time, _logger) = (name, time, logger);
        _lines = Channel.CreateBounded<string>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, _ => Drop(1));
    }

    /// <summary>Adds an event as a line of JSON.</summary>
    internal void Add(string line)
    {
        if (!_lines.Writer.TryWrite(line)) Drop(1);
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // A sink that has lost nothing is in the metrics as well.
        s_dropped.Add(0, new KeyValuePair<string, object?>("sink", _name));
        return base.StartAsync(cancellationToken);
    }

    /// <summary>Writes the events in memory, for at most 5 s.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _lines.Writer.TryComplete();
        await Task.WhenAny(ExecuteTask ?? Task.CompletedTask, Task.Delay(s_flushTimeout, cancellationToken));
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<string>(MaxBatch);
        // Not cancelled at once: the events in memory are written first.
        while (await _lines.Reader.WaitToReadAsync(CancellationToken.None))
        {
            batch.Clear();
            while (batch.Count < MaxBatch && _lines.Reader.TryRead(out var line)) batch.Add(line);
            try
            {
                if (!await WriteAsync(batch, stoppingToken)) Drop(batch.Count);
            }
            catch (Exception e)
            {
                // An exception would stop the portal.
                Failed(_name, e);
                Drop(batch.Count);
            }
        }
    }

    /// <summary>Writes events in their order. Returns false if they are lost.</summary>
    protected abstract Task<bool> WriteAsync(IReadOnlyList<string> lines, CancellationToken stop);

    /// <summary>Counts lost events, and logs them at most once a minute.</summary>
    protected void Drop(long count)
    {
        s_dropped.Add(count, new KeyValuePair<string, object?>("sink", _name));
        lock (_lock)
        {
            _unreported += count;
            var now = _time.GetUtcNow();
            if (now < _nextReport) return;
            Dropped(_name, _unreported);
            (_unreported, _nextReport) = (0, now + s_reportInterval);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not write audit events of {Sink}")]
    private partial void Failed(string sink, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Lost {Count} audit events of {Sink}")]
    private partial void Dropped(string sink, long count);
}
