using System.Diagnostics;
using Tsavorite.core;

namespace OtpPortal.Storage.Embedded;

/// <summary>
/// Forwards Garnet's log, and calls <paramref name="onWriteFailed"/> when a write could not be stored. Garnet's warnings, with
/// stack traces, are about problems that it has repaired, such as a log entry truncated by a kill; they are logged as debug
/// output.
/// </summary>
internal sealed class GarnetLog(ILogger? target, Action onWriteFailed) : ILoggerFactory, ILogger
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        if (exception is CommitFailureException)
        {
            onWriteFailed();
            // Garnet reports it for each connection with a stack trace; the store reports it once.
            logLevel = LogLevel.Debug;
        }
        else if (logLevel >= LogLevel.Error) WaitForEarlierWrites();
        target?.Log(logLevel == LogLevel.Warning ? LogLevel.Debug : logLevel, eventId, state, exception, formatter);
    }

    // Garnet logs a failed write before it handles it. The results of earlier, successful writes wait for the thread pool, in a
    // stack: if Garnet handled the failure first, a connection would wait for its commit forever, and the store could not be closed.
    private static void WaitForEarlierWrites()
    {
        var start = Stopwatch.GetTimestamp();
        do Thread.Sleep(s_step);
        while (ThreadPool.PendingWorkItemCount > 0 && Stopwatch.GetElapsedTime(start) < s_limit);
    }
}
