using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OtpPortal.Configuration;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>
/// A connection to one of the two databases: on a single server, a primary with replicas, or a Redis Cluster.
/// </summary>
/// <remarks>
/// <para>
/// The portal finds the primaries itself (<see cref="RedisDiscovery"/>) and opens a new connection if they change. The
/// connection to a single primary knows no other server, and the one to a cluster follows MOVED and ASK.
/// </para>
/// </remarks>
public sealed partial class RedisStore : IDisposable
{
    private static readonly TimeSpan s_pingInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_commandTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_discoveryInterval = TimeSpan.FromMilliseconds(300);

    // How long a connection that was replaced stays open for responses to commands that have been sent.
    private static readonly TimeSpan s_retirementDelay = TimeSpan.FromMilliseconds(250);

    // The client queues commands for a server that is not connected, and fails them once a second. Closing it would lose them.
    private static readonly TimeSpan s_queueDelay = TimeSpan.FromMilliseconds(1250);

    private readonly RedisAddress _address;
    private readonly ILogger _logger;
    private readonly RedisDiscovery _discovery;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Func<ConfigurationOptions, Task<ConnectionMultiplexer>> _connect;
    private readonly Lock _replacing = new();
    private volatile Link _link;
    private string? _reportedReason;

    private RedisStore(string name, RedisAddress address, ILogger logger, Func<ConfigurationOptions, Task<ConnectionMultiplexer>> connect)
    {
        (Name, _address, _logger, _connect) = (name, address, logger, connect);
        _discovery = new RedisDiscovery(address);
        Database = new StoreDatabase(() => _link!);
        _link = Task.Run(async () => await OpenAsync(await _discovery.FindAsync(CancellationToken.None) ?? _discovery.Assumed))
            .GetAwaiter().GetResult();
        _ = Task.Run(() => RepeatAsync(s_pingInterval, ReplaceUnresponsiveAsync));
        _ = Task.Run(() => RepeatAsync(s_discoveryInterval, FollowTopologyAsync));
    }

    /// <summary>The name in <c>/readyz</c>: <c>otp</c> or <c>auth</c>.</summary>
    public string Name { get; }

    public StoreDatabase Database { get; }

    /// <summary>Whether a server is connected, as far as known. Part of a cluster may be unavailable.</summary>
    public bool IsConnected => _link.Connection.IsConnected;

    /// <summary>Whether all primaries are connected, as far as known.</summary>
    public bool IsComplete => _link is var link && link.Topology.IsComplete
        && (link.Topology.IsCluster ? link.Topology.Primaries.All(link.IsConnectedTo) : IsConnected);

    /// <summary>The current primaries and the database, for administrators.</summary>
    public string Servers => _link.Describe();

    /// <summary>Connects. Also returns if the server is unavailable, and keeps retrying in the background.</summary>
    /// <exception cref="SettingsException">The address names a database that a cluster does not have.</exception>
    public static RedisStore Connect(string name, RedisAddress address, ILogger logger) =>
        Connect(name, address, logger, options => ConnectionMultiplexer.ConnectAsync(options));

    /// <summary>Connects without a log, for tests and benchmarks.</summary>
    internal static RedisStore Connect(string name, RedisAddress address) => Connect(name, address, NullLogger.Instance);

    internal static RedisStore Connect(
        string name, RedisAddress address, ILogger logger, Func<ConfigurationOptions, Task<ConnectionMultiplexer>> connect) =>
        new(name, address, logger, connect);

    /// <summary>Returns the round-trip time of a ping: of the slowest primary of a cluster.</summary>
    /// <exception cref="TimeoutException">A primary did not respond within two seconds.</exception>
    /// <exception cref="RedisConnectionException">A primary is not connected.</exception>
    /// <exception cref="StoreUnavailableException">A cluster does not serve all hash slots.</exception>
    public async Task<TimeSpan> PingAsync()
    {
        var link = _link;
        if (link.Topology.Problem is { } problem) throw new StoreUnavailableException(problem);
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(link.Ping()).WaitAsync(s_commandTimeout);
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Returns the current time of a primary.</summary>
    public async Task<DateTimeOffset> TimeAsync()
    {
        var link = _link;
        var primary = link.Topology.Primaries.FirstOrDefault(link.IsConnectedTo, link.Topology.Primaries[0]);
        return new(await link.Connection.GetServer(primary).TimeAsync().WaitAsync(s_commandTimeout), TimeSpan.Zero);
    }

    public void Dispose()
    {
        lock (_replacing) _stopping.Cancel();
        _link.Dispose();
        _discovery.Dispose();
        _stopping.Dispose();
    }

    // Until the step returns false.
    private async Task RepeatAsync(TimeSpan interval, Func<Task<bool>> step)
    {
        var stop = _stopping.Token;
        try
        {
            using var timer = new PeriodicTimer(interval);
            string? reported = null;
            while (await timer.WaitForNextTickAsync(stop))
            {
                try
                {
                    if (!await step()) return;
                }
                catch (Exception e) when (!stop.IsCancellationRequested)
                {
                    // The new connection could not be opened (no file handle, no name server). The loop retries, because
                    // nothing else would.
                    if (e.Message != reported) NotOpened(Name, reported = e.Message);
                }
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The store is being disposed.
        }
    }

    private async Task<bool> ReplaceUnresponsiveAsync()
    {
        var link = _link;
        if (link.IsClosed || await Responsiveness.IsLostAsync(link, _stopping.Token))
        {
            await ReplaceAsync(link.Topology, lost: link);
        }
        return true;
    }

    private async Task<bool> FollowTopologyAsync()
    {
        if (await _discovery.FindAsync(_stopping.Token) is not { } found)
        {
            var reason = _discovery.Reason;
            if (reason != _reportedReason) PrimaryUnknown(Name, _address.Setting, _reportedReason = reason);
            return true;
        }
        _reportedReason = null;
        var link = _link;
        if (!found.HasSameServersAs(link.Topology)) await ReplaceAsync(found, lost: null);
        else
        {
            // The client follows one redirect per command. A key that moves twice needs its current map of the slots.
            var isOutdated = link.Topology.Slots != found.Slots || (found.IsComplete && !IsComplete);
            if (found.IsCluster && isOutdated) await link.Connection.ConfigureAsync();
            link.Topology = found;
        }
        return _discovery.CanChange;
    }

    // Opening a connection takes up to the connection timeout if a server does not respond. A change of the primaries that is found
    // meanwhile does not wait for it, and takes precedence.
    private async Task ReplaceAsync(RedisTopology topology, Link? lost)
    {
        bool HasChanged() => lost is not null && _link != lost;
        if (HasChanged()) return;
        // The other nodes of a cluster still respond, so its connection is closed after the new one is open.
        if (!topology.IsCluster) lost?.Close();
        var opened = await OpenAsync(topology);
        Link retired;
        lock (_replacing)
        {
            var isObsolete = _stopping.IsCancellationRequested || HasChanged();
            retired = isObsolete ? opened : _link;
            if (!isObsolete) _link = opened;
        }
        if (retired == opened)
        {
            opened.Dispose();
            return;
        }
        Replaced(Name, Servers);
        _ = RetireAsync(retired, topology);
    }

    private static async Task RetireAsync(Link link, RedisTopology topology)
    {
        try
        {
            if (link.IsClosed) return;
            var primaries = link.Topology.Primaries;
            var delay = primaries.All(link.IsConnectedTo) ? s_retirementDelay : s_queueDelay;
            // A server sends the responses to earlier commands before the response to a ping.
            var pongs = primaries.Intersect(topology.Primaries).Where(link.IsConnectedTo).Select(link.PingAsync);
            await Task.WhenAny(Task.WhenAll([.. pongs, Task.Delay(delay)]), Task.Delay(s_queueDelay));
        }
        finally
        {
            link.Dispose();
        }
    }

    private async Task<Link> OpenAsync(RedisTopology topology)
    {
        if (topology.IsCluster && _address is { Database: not 0, IsDefaultDatabase: false })
        {
            throw new SettingsException(
                [$"{_address.Setting} names the database {_address.Database}, but the server is part of a Redis Cluster, which has only "
                    + "database 0. It must be redis://[:password@]host:port[,host:port…]/0."]);
        }
        var options = _address.ToOptions("otpportal-" + Name, topology);
        var connection = (await _connect(options)).WithPooledContinuations();
        return new Link(connection, connection.GetDatabase(options.DefaultDatabase ?? 0), topology);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Store {Store}: connected to {Servers}, because servers changed or did not respond")]
    private partial void Replaced(string store, string servers);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Store {Store}: no server of {Setting} is known to be a primary. {Reason}")]
    private partial void PrimaryUnknown(string store, string setting, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Store {Store}: cannot connect: {Error}")]
    private partial void NotOpened(string store, string error);
}
