using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Garnet;

namespace OtpPortal.Storage.Embedded;

/// <summary>
/// A Redis-compatible store in this process, so that the portal runs without other software. It provides db0 and db1. Every
/// acknowledged write is on disk.
/// </summary>
/// <remarks>
/// Garnet can shorten its log by checkpoints, but does not reliably recover from them: it skips db1's log if db0 has had more
/// checkpoints, and hashes or lists that change during a checkpoint can make the store unreadable. The store therefore takes
/// none. Instead it copies the live keys into a new generation of the log, at startup and in quiet minutes.
/// </remarks>
internal sealed partial class EmbeddedStore : IDisposable
{
    private const long Megabyte = 1 << 20;

    // Replay takes about one second per 100 MB of log, so these bound both disk usage and startup time.
    private const long CompactAtStart = 16 * Megabyte;
    private const long CompactWhenQuiet = 64 * Megabyte;
    private const long CompactAtOnce = 512 * Megabyte;
    private const long QuietMinute = 256 * 1024;

    private static readonly TimeSpan s_reopenDelay = TimeSpan.FromMilliseconds(500);

    private readonly StoreDirectory _directory;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly StoreRecovery _recovery;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private GarnetServer? _server;
    private int _failedWrites;
    private bool _disposed;

    private EmbeddedStore(StoreDirectory directory, ILogger logger)
    {
        _directory = directory;
        _logger = logger;
        _recovery = new StoreRecovery(directory, logger);
        _loggers = new GarnetLog(logger, OnWriteFailed);
    }

    /// <summary>The endpoint of the store: a loopback address, with a port that does not change until disposal.</summary>
    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>The password for clients. Generated at each start and never stored.</summary>
    public string Password { get; } = NewPassword();

    /// <summary>Opens the store in <paramref name="dataDirectory"/> with its existing data.</summary>
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

    /// <summary>Checks that the log in <paramref name="path"/> can be opened, and closes it again.</summary>
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
    /// Copies the live keys into a new log and deletes the old one. Disconnects clients for about one second per 100 MB; they
    /// reconnect to the same endpoint.
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

    /// <summary>Stops the store. Acknowledged writes are already on disk, so this only closes files and connections.</summary>
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
            await _recovery.RecoverAsync();
            if (_directory.LogSize > Math.Max(CompactAtStart, 2 * _directory.CompactedSize)) await RewriteAsync();
            (_server, EndPoint) = GarnetHost.ListenOnFreePort(_directory.Live, Password, _loggers);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SocketException)
        {
            throw new EmbeddedStoreException($"The store in DATA_DIR ({_directory.Live}) cannot be opened: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is not EmbeddedStoreException and not OperationCanceledException)
        {
            throw StoreRecovery.Damaged($"{_directory.Live}: {exception.Message}", exception);
        }
    }

    private void Close()
    {
        // The overload with a bool would delete the data.
        _server?.Dispose();
        _server = null;
    }

    private Task RewriteAsync() =>
        _directory.ReplaceAsync(
            next => StoreCompactor.CopyAsync(_directory.Live, next, Password, _loggers, _stopping.Token), isCompacted: true);

    // Runs in the background, because Garnet reports the failed write from inside the server that must be closed.
    private void OnWriteFailed()
    {
        if (Interlocked.Increment(ref _failedWrites) == 1) _ = Task.Run(RecoverFromFailedWriteAsync);
    }

    /// <summary>
    /// Closes the store until its log is writable again. After a failed write Garnet rejects all further writes, even when disk
    /// space is available again, and its memory contains data that is not in the log.
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

    /// <summary>Reopens the store on the same endpoint as soon as its log is writable and its port is free.</summary>
    private async Task ReopenAsync()
    {
        string? reported = null;
        while (_server is null)
        {
            _stopping.Token.ThrowIfCancellationRequested();
            try
            {
                await _recovery.RecoverAsync();
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
            // In a minute with few writes, few clients notice the reconnect.
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

/// <summary>The embedded store cannot run. The message is one sentence for the operator.</summary>
internal sealed class EmbeddedStoreException(string message, Exception? innerException = null) : Exception(message, innerException);
