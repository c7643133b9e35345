using Tsavorite.core;

namespace OtpPortal.Storage.Embedded;

/// <summary>
/// Passes Garnet's log on, and calls <paramref name="onWriteFailed"/> for a write that could not be stored. Garnet's warnings describe what
/// it repaired by itself, such as a log entry cut short by a kill, with a stack trace each: they count as debug output.
/// </summary>
internal sealed class GarnetLog(ILogger? target, Action onWriteFailed) : ILoggerFactory, ILogger
{
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
            // Garnet reports it for each connection, with a stack trace; the store reports it once.
            logLevel = LogLevel.Debug;
        }
        target?.Log(logLevel == LogLevel.Warning ? LogLevel.Debug : logLevel, eventId, state, exception, formatter);
    }
}
