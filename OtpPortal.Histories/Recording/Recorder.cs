using System.Diagnostics;

namespace OtpPortal.Histories.Recording;

/// <summary>Records a run, in memory and in a file. All times come from one monotonic clock.</summary>
public sealed class Recorder : IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly RunSettings _settings;
    private readonly StreamWriter _file;
    private readonly Lock _lock = new();
    private readonly List<Operation> _operations = [];
    private readonly List<Fault> _faults = [];
    private long _lastId;

    public Recorder(RunSettings settings, string path)
    {
        _settings = settings;
        _file = new StreamWriter(path);
        _file.WriteLine(HistoryFile.Write(settings));
    }

    /// <summary>Gets the milliseconds since the start of the run.</summary>
    public double Now => Stopwatch.GetElapsedTime(_start).TotalMilliseconds;

    public long NextId() => Interlocked.Increment(ref _lastId);

    public void Add(Operation operation)
    {
        lock (_lock)
        {
            _operations.Add(operation);
            _file.WriteLine(HistoryFile.Write(operation));
        }
    }

    public void Add(Fault fault)
    {
        lock (_lock)
        {
            _faults.Add(fault);
            _file.WriteLine(HistoryFile.Write(fault));
        }
    }

    /// <summary>Returns what has been recorded so far.</summary>
    public History ToHistory()
    {
        lock (_lock) return new History(_settings, [.. _operations], [.. _faults]);
    }

    public void Dispose() => _file.Dispose();
}
