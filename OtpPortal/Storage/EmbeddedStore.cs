using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Garnet;
using Garnet.server;
using Garnet.server.Auth.Settings;
using StackExchange.Redis;
using Tsavorite.core;

namespace OtpPortal.Storage;

/// <summary>
/// A Redis-compatible store inside this process, for running the portal with nothing else installed. It keeps db0 and
/// db1, and every write that it has acknowledged is on disk.
/// </summary>
/// <remarks>
/// Disk layout, below DATA_DIR/store:
/// <code>
/// lock          held exclusively while a process uses the directory
/// 1, 2, …       one generation of the append-only log each; the highest is the live one
/// 3.new         a generation being written; worthless until it has been renamed
/// </code>
/// Garnet could shorten the log by its own checkpoints, but version 2.2.5 does not always recover from them: db1's log is
/// skipped when db0 has had more checkpoints, and hashes or lists changed while one was taken can make the store unreadable.
/// So none is ever taken. Instead the live keys are copied into a new generation, at start and in a quiet minute.
/// </remarks>
internal sealed partial class EmbeddedStore : IDisposable
{
    private const long Megabyte = 1 << 20;
    private const int Databases = 2;
    private const string CompactedSizeFile = "compacted-size";

    // Replay takes about a second for 100 MB of log, so these bound both the disk used and the time to start.
    private const long CompactAtStart = 16 * Megabyte;
    private const long CompactWhenQuiet = 64 * Megabyte;
    private const long CompactAtOnce = 512 * Megabyte;
    private const long QuietMinute = 256 * 1024;

    private readonly string _directory;
    private readonly string _settingName;
    private readonly FileStream _directoryLock;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private GarnetServer? _server;
    private int _generation;
    private bool _disposed;

    private EmbeddedStore(string directory, string settingName, FileStream directoryLock, ILogger logger)
    {
        _directory = directory;
        _settingName = settingName;
        _directoryLock = directoryLock;
        _logger = logger;
    }

    /// <summary>Where the store listens: a loopback address, and a port that stays the same until it is disposed.</summary>
    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>The password that clients must send. It is made anew at each start and is never written anywhere.</summary>
    public string Password { get; } = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    /// <summary>Opens the store in <paramref name="dataDirectory"/>, with everything that was in it before.</summary>
    /// <exception cref="EmbeddedStoreException">The directory cannot be used; the message says why in one sentence.</exception>
    public static EmbeddedStore Start(string dataDirectory, ILogger logger)
    {
        var root = Path.GetFullPath(dataDirectory);
        var directory = Path.Combine(root, "store");
        var directoryLock = LockDirectory(root, directory);
        var store = new EmbeddedStore(directory, $"DATA_DIR ({root})", directoryLock, logger);
        try
        {
            store.Open();
        }
        catch
        {
            store.Dispose();
            throw;
        }

        _ = store.CompactInQuietMinutesAsync();
        return store;
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
            var before = LogSize(_generation) / Megabyte;
            _server?.Dispose();
            _server = null;
            try
            {
                await RewriteAsync(_stopping.Token);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                LogCompactionFailed(exception);
            }

            await ReopenAsync();
            var after = LogSize(_generation) / Megabyte;
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
        if (_disposed)
        {
            return;
        }

        _stopping.Cancel();
        _gate.Wait();
        _disposed = true;
        // The overload that takes a bool would delete the data.
        _server?.Dispose();
        _directoryLock.Dispose();
        _gate.Release();
    }

    public override string ToString() => $"embedded store at {EndPoint}";

    private static FileStream LockDirectory(string root, string directory)
    {
        try
        {
            CreatePrivateDirectory(root);
            CreatePrivateDirectory(directory);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EmbeddedStoreException($"DATA_DIR ({root}) must be a directory that this process can write to.", exception);
        }

        var path = Path.Combine(directory, "lock");
        try
        {
            // The kernel drops the lock when the process dies, so a kill leaves nothing to clean up.
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new EmbeddedStoreException($"DATA_DIR ({root}) must be a directory that this process can write to.", exception);
        }
        catch (IOException exception)
        {
            throw File.Exists(path)
                ? new EmbeddedStoreException($"DATA_DIR ({root}) is in use by another process; give each one its own directory, or set REDIS_URL_OTP and REDIS_URL_AUTH to share a Redis.", exception)
                : new EmbeddedStoreException($"DATA_DIR ({root}) must be a directory that this process can write to.", exception);
        }
    }

    private static void CreatePrivateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private void Open()
    {
        try
        {
            _generation = FindGeneration();
            if (LogSize(_generation) > Math.Max(CompactAtStart, 2 * CompactedSize(_generation)))
            {
                Task.Run(() => RewriteAsync(_stopping.Token)).GetAwaiter().GetResult();
            }

            (_server, EndPoint) = ListenOnFreePort(GenerationDirectory(_generation));
        }
        catch (Exception exception) when (exception is not EmbeddedStoreException)
        {
            throw new EmbeddedStoreException($"The store in {_settingName} could not be opened and was left as it is: {exception.Message}", exception);
        }
    }

    /// <summary>Finds the live generation, and deletes what an interrupted compaction left behind.</summary>
    private int FindGeneration()
    {
        var names = Directory.GetDirectories(_directory).Select(path => Path.GetFileName(path)).ToList();
        var numbers = names.Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out _)).Select(name => int.Parse(name, CultureInfo.InvariantCulture)).ToList();
        var live = numbers.Count == 0 ? 1 : numbers.Max();
        foreach (var name in names.Where(name => name.EndsWith(".new", StringComparison.Ordinal)).Concat(numbers.Where(number => number < live).Select(number => GenerationName(number))))
        {
            Directory.Delete(Path.Combine(_directory, name), recursive: true);
        }

        return live;
    }

    /// <summary>Copies every live key into a new generation, which becomes the live one at the moment it gets its name.</summary>
    private async Task RewriteAsync(CancellationToken cancellationToken)
    {
        var unfinished = GenerationDirectory(_generation + 1) + ".new";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        var (source, sourceEndPoint) = ListenOnFreePort(GenerationDirectory(_generation));
        using (source)
        {
            var (target, targetEndPoint) = ListenOnFreePort(unfinished);
            using (target)
            {
                await CopyAsync(sourceEndPoint, targetEndPoint, cancellationToken);
            }
        }

        await File.WriteAllTextAsync(Path.Combine(unfinished, CompactedSizeFile), FilesSize(unfinished).ToString(CultureInfo.InvariantCulture), cancellationToken);
        Directory.Move(unfinished, GenerationDirectory(_generation + 1));
        var old = GenerationDirectory(_generation);
        _generation++;
        Directory.Delete(old, recursive: true);
        // Two servers' worth of large buffers have just become garbage; the runtime would keep that memory for a long time.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    /// <summary>Listens again where clients look for the store, however long it takes to get that port back.</summary>
    private async Task ReopenAsync()
    {
        while (_server is null)
        {
            _stopping.Token.ThrowIfCancellationRequested();
            try
            {
                _server = Listen(EndPoint.Port, GenerationDirectory(_generation)).Server;
            }
            catch (Exception exception)
            {
                LogReopenFailed(exception);
                await Task.Delay(TimeSpan.FromMilliseconds(500), _stopping.Token);
            }
        }
    }

    private async Task CopyAsync(IPEndPoint sourceEndPoint, IPEndPoint targetEndPoint, CancellationToken cancellationToken)
    {
        using var source = await ConnectAsync(sourceEndPoint);
        using var target = await ConnectAsync(targetEndPoint);
        for (var number = 0; number < Databases; number++)
        {
            var from = source.GetDatabase(number);
            var to = target.GetDatabase(number);
            foreach (var keys in source.GetServer(sourceEndPoint).Keys(number, pageSize: 1000).Chunk(500))
            {
                cancellationToken.ThrowIfCancellationRequested();
                await Task.WhenAll(keys.Select(key => CopyKeyAsync(from, to, key)));
            }
        }
    }

    private static async Task CopyKeyAsync(IDatabase from, IDatabase to, RedisKey key)
    {
        // The lifetime is read before the value: were it the other way round, a key that expires in between would come
        // back without a lifetime and live forever. A value that is gone by then is not copied.
        var now = DateTime.UtcNow;
        var timeToLive = from.KeyTimeToLiveAsync(key);
        var type = await from.KeyTypeAsync(key);
        switch (type)
        {
            case RedisType.String:
                if (await from.StringGetAsync(key) is { IsNull: false } text)
                {
                    await to.StringSetAsync(key, text);
                }

                break;
            case RedisType.Hash:
                if (await from.HashGetAllAsync(key) is { Length: > 0 } fields)
                {
                    await to.HashSetAsync(key, fields);
                }

                break;
            case RedisType.List:
                if (await from.ListRangeAsync(key) is { Length: > 0 } items)
                {
                    await to.ListRightPushAsync(key, items);
                }

                break;
            case RedisType.Set:
                if (await from.SetMembersAsync(key) is { Length: > 0 } members)
                {
                    await to.SetAddAsync(key, members);
                }

                break;
            case RedisType.SortedSet:
                if (await from.SortedSetRangeByRankWithScoresAsync(key) is { Length: > 0 } entries)
                {
                    await to.SortedSetAddAsync(key, entries);
                }

                break;
            case RedisType.None:
                return;
            default:
                throw new NotSupportedException($"A key of type {type} cannot be copied.");
        }

        if (await timeToLive is { } left)
        {
            await to.KeyExpireAsync(key, now + left);
        }
    }

    private async Task<ConnectionMultiplexer> ConnectAsync(IPEndPoint endPoint)
    {
        var options = new ConfigurationOptions { Password = Password, SyncTimeout = 60_000, EndPoints = { endPoint } };
        var connection = await ConnectionMultiplexer.ConnectAsync(options);
        connection.PreserveAsyncOrder = false;
        return connection;
    }

    private (GarnetServer Server, IPEndPoint EndPoint) ListenOnFreePort(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, 0);
                probe.Start();
                var port = ((IPEndPoint)probe.LocalEndpoint).Port;
                probe.Stop();
                return Listen(port, path);
            }
            catch (Exception exception) when (attempt < 5 && IsPortTaken(exception))
            {
                // Somebody else took the port between the probe and the start.
            }
        }
    }

    private (GarnetServer Server, IPEndPoint EndPoint) Listen(int port, string path)
    {
        var endPoint = new IPEndPoint(IPAddress.Loopback, port);
        var listening = new GarnetServer(Options(endPoint, path), new QuietLoggerFactory(_logger));
        try
        {
            listening.Start();
            return (listening, endPoint);
        }
        catch
        {
            listening.Dispose();
            throw;
        }
    }

    private static bool IsPortTaken(Exception? exception) => exception switch
    {
        null => false,
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => true,
        _ => exception.Message.Contains(nameof(SocketError.AddressAlreadyInUse), StringComparison.Ordinal) || IsPortTaken(exception.InnerException),
    };

    private GarnetServerOptions Options(IPEndPoint endPoint, string path) => new(logger: null)
    {
        EndPoints = [endPoint],
        AuthSettings = new PasswordAuthenticationSettings(Password),
        MaxDatabases = Databases,
        QuietMode = true,

        // A command is answered when its log entry is on disk; without this a kill loses the last few milliseconds.
        EnableAOF = true,
        WaitForCommit = true,
        CheckpointDir = path,
        Recover = true,
        FailOnRecoveryError = true,

        // Garnet drops the oldest keys, silently, past this limit, and reads from disk (its storage tier) are slow and make
        // DEL answer 0 for a key that was there. So the limit is out of reach; pages are allocated as they fill.
        LogMemorySize = "32g",

        // The oldest part of memory is read-only, and there, too, DEL answers 0. It begins once there are 20 pages.
        PageSize = "4m",
        MutablePercent = 95,

        // The smallest log buffers that this page size allows, and room for 450,000 keys before lookups slow down.
        AofPageSize = "8m",
        AofMemorySize = "16m",
        IndexMemorySize = "4m",
        BufferPoolMemoryBudget = "16m",

        // The native device of Linux needs a library that the package does not bring.
        DeviceType = DeviceType.RandomAccess,
        DeviceFactoryCreator = new LocalStorageNamedDeviceFactoryCreator(deviceType: DeviceType.RandomAccess),
    };

    private async Task CompactInQuietMinutesAsync()
    {
        try
        {
            // A minute that writes little is one in which hardly anybody notices the reconnect.
            using var timer = new PeriodicTimer(TimeSpan.FromMinutes(1));
            var last = LogSize(_generation);
            while (await timer.WaitForNextTickAsync(_stopping.Token))
            {
                var size = LogSize(_generation);
                var doubled = size > 2 * CompactedSize(_generation);
                if (doubled && (size > CompactAtOnce || (size > CompactWhenQuiet && size - last < QuietMinute)))
                {
                    await CompactAsync(_stopping.Token);
                }

                last = LogSize(_generation);
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

    private long LogSize(int number) => FilesSize(GenerationDirectory(number));

    private long CompactedSize(int number)
    {
        var path = Path.Combine(GenerationDirectory(number), CompactedSizeFile);
        return File.Exists(path) && long.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out var size) ? size : 0;
    }

    private static long FilesSize(string path) =>
        Directory.Exists(path) ? new DirectoryInfo(path).EnumerateFiles("aof.log.*", SearchOption.AllDirectories).Sum(file => file.Length) : 0;

    private string GenerationDirectory(int number) => Path.Combine(_directory, GenerationName(number));

    private static string GenerationName(int number) => number.ToString(CultureInfo.InvariantCulture);

    [LoggerMessage(Level = LogLevel.Information, Message = "The embedded store was compacted from {Before} MB to {After} MB.")]
    private partial void LogCompacted(long before, long after);

    [LoggerMessage(Level = LogLevel.Error, Message = "The embedded store could not be compacted; nothing was lost, but its log keeps growing.")]
    private partial void LogCompactionFailed(Exception exception);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The embedded store is not reachable after its compaction; trying again.")]
    private partial void LogReopenFailed(Exception exception);

    /// <summary>
    /// Hands Garnet's errors to our log. Its warnings tell of what it put right by itself, such as a log entry cut short by
    /// a kill, and come with a stack trace each; they are for debugging.
    /// </summary>
    private sealed class QuietLoggerFactory(ILogger target) : ILoggerFactory, ILogger
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

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && target.IsEnabled(Lower(logLevel));

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var level = Lower(logLevel);
            if (IsEnabled(logLevel))
            {
                target.Log(level, eventId, state, exception, formatter);
            }
        }

        private static LogLevel Lower(LogLevel logLevel) => logLevel == LogLevel.Warning ? LogLevel.Debug : logLevel;
    }
}

/// <summary>The embedded store cannot run; the message is one sentence for whoever starts the program.</summary>
internal sealed class EmbeddedStoreException(string message, Exception? innerException = null) : Exception(message, innerException);
