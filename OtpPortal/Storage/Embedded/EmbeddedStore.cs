using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Garnet;

namespace OtpPortal.Storage.Embedded;

/// <summary>
/// A Redis-compatible store inside this process, for running the portal with nothing else installed. It keeps db0 and
/// db1, and every write that it has acknowledged is on disk.
/// </summary>
/// <remarks>
/// Garnet could shorten its log by checkpoints, but does not always recover from them: db1's log is
/// skipped when db0 has had more checkpoints, and hashes or lists changed while one was taken can make the store unreadable.
/// So none is ever taken. Instead the live keys are copied into a new generation of the log, at start and in a quiet minute.
/// </remarks>
internal sealed partial class EmbeddedStore : IDisposable
{
    private const long Megabyte = 1 << 20;

    // Replay takes about a second for 100 MB of log, so these bound both the disk used and the time to start.
    private const long CompactAtStart = 16 * Megabyte;
    private const long CompactWhenQuiet = 64 * Megabyte;
    private const long CompactAtOnce = 512 * Megabyte;
    private const long QuietMinute = 256 * 1024;

    private static readonly TimeSpan s_reopenDelay = TimeSpan.FromMilliseconds(500);

    private readonly StoreDirectory _directory;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly StoreMender _mender;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private GarnetServer? _server;
    private int _failedWrites;
    private bool _disposed;

    private EmbeddedStore(StoreDirectory directory, ILogger logger)
    {
        _directory = directory;
        _logger = logger;
        _mender = new StoreMender(directory, logger);
        _loggers = new GarnetLog(logger, OnWriteFailed);
    }

    /// <summary>Where the store listens: a loopback address, and a port that stays the same until it is disposed.</summary>
    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>The password that clients must send. It is created at each start and is never written anywhere.</summary>
    public string Password { get; } = NewPassword();

    /// <summary>Opens the store in <paramref name="dataDirectory"/>, with everything that was in it before.</summary>
    /// <exception cref="EmbeddedStoreException">The directory cannot be used; the message says why in one sentence.</exception>
    public static EmbeddedStore Start(string dataDirectory, ILogger logger)
    {
        var store = new EmbeddedStore(StoreDirectory.Open(dataDirectory), logger);
        try
        {
            Task.Run(store.OpenAsync).GetAwaiter().GetResult();
        }
        catch
        {
            store.Dispose();
            throw;
        }

        _ = store.CompactInQuietMinutesAsync();
        return store;
    }

    /// <summary>Opens the log in <paramref name="path"/> and closes it again.</summary>
    /// <exception cref="EmbeddedStoreException">It cannot be opened.</exception>
    public static void Verify(string path)
    {
        try
        {
            GarnetHost.ListenOnFreePort(path, NewPassword(), new GarnetLog(null, () => { })).Server.Dispose();
        }
        catch (Exception exception) when (exception is not EmbeddedStoreException)
        {
            throw new EmbeddedStoreException($"The store in {path} cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// Copies the live keys into a new log and deletes the old one. Clients are cut off while it runs, about a second for
    /// 100 MB, and reconnect to the same end point.
    /// </summary>
    public async Task CompactAsync(CancellationToken cancellationToken = default)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var before = _directory.LogSize / Megabyte;
            Close();
            try
            {
                await RewriteAsync();
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                LogCompactionFailed(exception);
            }

            await ReopenAsync();
            var after = _directory.LogSize / Megabyte;
            LogCompacted(before, after);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Stops the store. What it has acknowledged is on disk already, so this only closes files and connections.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _stopping.Cancel();
        _gate.Wait();
        _disposed = true;
        Close();
        _directory.Dispose();
        _gate.Release();
    }

    public override string ToString() => $"embedded store at {EndPoint}";

    private static string NewPassword() => Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    private async Task OpenAsync()
    {
        try
        {
            await _mender.MendAsync();
            if (_directory.LogSize > Math.Max(CompactAtStart, 2 * _directory.CompactedSize)) await RewriteAsync();
            (_server, EndPoint) = GarnetHost.ListenOnFreePort(_directory.Live, Password, _loggers);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SocketException)
        {
            throw new EmbeddedStoreException($"The store in DATA_DIR ({_directory.Live}) cannot be opened: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is not EmbeddedStoreException and not OperationCanceledException)
        {
            throw StoreMender.Damaged($"{_directory.Live}: {exception.Message}", exception);
        }
    }

    private void Close()
    {
        // The overload that takes a bool would delete the data.
        _server?.Dispose();
        _server = null;
    }

    private Task RewriteAsync() =>
        _directory.ReplaceAsync(next => StoreCompactor.CopyAsync(_directory.Live, next, Password, _loggers, _stopping.Token));

    // Garnet reports a failed write from inside the server that is to be closed.
    private void OnWriteFailed()
    {
        if (Interlocked.Increment(ref _failedWrites) == 1) _ = Task.Run(RecoverFromFailedWriteAsync);
    }

    /// <summary>
    /// Closes the store until its log can be written again. After a failed write Garnet refuses every later one, also when the disk has
    /// room again, and its memory holds what the log does not.
    /// </summary>
    private async Task RecoverFromFailedWriteAsync()
    {
        try
        {
            await _gate.WaitAsync(_stopping.Token);
            try
            {
                LogWriteFailed(_directory.Live);
                Close();
                Interlocked.Exchange(ref _failedWrites, 0);
                await ReopenAsync();
                LogReopened();
            }
            finally
            {
                _gate.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // The store is being disposed.
        }
    }

    /// <summary>Listens again where clients look for the store, as soon as its log can be written and its port is free.</summary>
    private async Task ReopenAsync()
    {
        string? reported = null;
        while (_server is null)
        {
            _stopping.Token.ThrowIfCancellationRequested();
            try
            {
                await _mender.MendAsync();
                await StoreLog.ProveWritableAsync(_directory.Live);
                _server = GarnetHost.Listen(EndPoint, _directory.Live, Password, _loggers);
            }
            catch (Exception exception)
            {
                if (reported != exception.Message) LogReopenFailed(reported = exception.Message);
                await Task.Delay(s_reopenDelay, _stopping.Token);
            }
        }
    }

    private async Task CompactInQuietMinutesAsync()
    {
        try
        {
            // A minute that writes little is one in which hardly anybody notices the reconnect.
            using var timer = new PeriodicTimer(TimeSpan.FromMinutes(1));
            var last = _directory.LogSize;
            while (await timer.WaitForNextTickAsync(_stopping.Token))
            {
                var size = _directory.LogSize;
                var doubled = size > 2 * _directory.CompactedSize;
                if (doubled && (size > CompactAtOnce || (size > CompactWhenQuiet && size - last < QuietMinute)))
                {
                    await CompactAsync(_stopping.Token);
                }

                last = _directory.LogSize;
            }
        }
        catch (OperationCanceledException)
        {
            // The store is being disposed.
        }
        catch (Exception exception)
        {
            LogCompactionFailed(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Compacted the embedded store from {Before} MB to {After} MB")]
    private partial void LogCompacted(long before, long after);

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not compact the embedded store. No data was lost, but its log keeps growing")]
    private partial void LogCompactionFailed(Exception exception);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "The embedded store cannot write to {Path}. Check whether the disk is full; the store is unavailable until it can write")]
    private partial void LogWriteFailed(string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The embedded store is available again")]
    private partial void LogReopened();

    [LoggerMessage(Level = LogLevel.Critical, Message = "Could not reopen the embedded store, retrying twice a second: {Reason}")]
    private partial void LogReopenFailed(string reason);
}

/// <summary>The embedded store cannot run; the message is one sentence for the operator.</summary>
internal sealed class EmbeddedStoreException(string message, Exception? innerException = null) : Exception(message, innerException);
