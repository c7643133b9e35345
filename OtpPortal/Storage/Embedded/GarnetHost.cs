using System.Net;
using System.Net.Sockets;
using Garnet;
using Garnet.server;
using Garnet.server.Auth.Settings;
using StackExchange.Redis;
using Tsavorite.core;

namespace OtpPortal.Storage.Embedded;

/// <summary>Starts Garnet servers in this process, on loopback and with a password.</summary>
internal static class GarnetHost
{
    /// <summary>The number of databases of a store: codes in 0, tokens in 1.</summary>
    public const int Databases = 2;

    /// <summary>Starts a server with the log in <paramref name="path"/> on a free port.</summary>
    public static (GarnetServer Server, IPEndPoint EndPoint) ListenOnFreePort(string path, string password, ILoggerFactory loggers)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, 0);
                probe.Start();
                var endPoint = (IPEndPoint)probe.LocalEndpoint;
                probe.Stop();
                return (Listen(endPoint, path, password, loggers), endPoint);
            }
            catch (Exception exception) when (attempt < 5 && IsPortTaken(exception))
            {
                // Another program took the port between the probe and the start.
            }
        }
    }

    /// <summary>Starts a server with the data of the log in <paramref name="path"/>.</summary>
    public static GarnetServer Listen(IPEndPoint endPoint, string path, string password, ILoggerFactory loggers)
    {
        var options = LogOptions(path);
        options.EndPoints = [endPoint];
        options.AuthSettings = new PasswordAuthenticationSettings(password);
        var server = new GarnetServer(options, loggers);
        try
        {
            server.Start();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Connects to a server that <see cref="Listen"/> started.</summary>
    public static async Task<ConnectionMultiplexer> ConnectAsync(IPEndPoint endPoint, string password)
    {
        var options = new ConfigurationOptions { Password = password, SyncTimeout = 60_000, EndPoints = { endPoint } };
        return (await ConnectionMultiplexer.ConnectAsync(options)).WithPooledContinuations();
    }

    /// <summary>Returns the options of a store in <paramref name="path"/>, without network options.</summary>
    public static GarnetServerOptions LogOptions(string path) => new(logger: null)
    {
        MaxDatabases = Databases,
        QuietMode = true,

        // Commands are acknowledged when their log entry is on disk; otherwise a kill loses the last few milliseconds.
        EnableAOF = true,
        WaitForCommit = true,
        CheckpointDir = path,
        Recover = true,
        FailOnRecoveryError = true,

        // Beyond this limit Garnet silently drops the oldest keys, or, with its storage tier, reads from disk slowly and DEL
        // returns 0 for existing keys. The limit is therefore out of reach; pages are allocated as they fill.
        LogMemorySize = "32g",

        // DEL also returns 0 for keys in the read-only oldest part of memory, which begins once there are 20 pages.
        PageSize = "4m",
        MutablePercent = 95,

        // The smallest log buffers for this page size, and an index for 450,000 keys before lookups slow down.
        AofPageSize = "8m",
        AofMemorySize = "16m",
        IndexMemorySize = "4m",
        BufferPoolMemoryBudget = "16m",

        // Linux's native device needs a library that the package does not contain. This device writes with O_SYNC only if it uses the
        // system's buffers; otherwise a power failure loses acknowledged writes, revocations included.
        DeviceType = DeviceType.RandomAccess,
        DeviceFactoryCreator = new LocalStorageNamedDeviceFactoryCreator(disableFileBuffering: false, deviceType: DeviceType.RandomAccess),
    };

    private static bool IsPortTaken(Exception? exception) => exception switch
    {
        null => false,
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => true,
        _ => exception.Message.Contains(nameof(SocketError.AddressAlreadyInUse), StringComparison.Ordinal)
            || IsPortTaken(exception.InnerException),
    };
}
