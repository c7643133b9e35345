using System.Globalization;
using System.Net;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>A connection of a <see cref="RedisStore"/>, and the servers for which it was opened.</summary>
internal sealed class Link : IDisposable
{
    private volatile RedisTopology _topology;
    private volatile bool _isClosed;
    private volatile TaskCompletionSource _nextFailure = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Link(ConnectionMultiplexer connection, IDatabase database, RedisTopology topology)
    {
        (Connection, Database, _topology) = (connection, database, topology);
        connection.ConnectionFailed += (_, _) =>
            Interlocked.Exchange(ref _nextFailure, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    public ConnectionMultiplexer Connection { get; }

    public IDatabase Database { get; }

    public RedisTopology Topology
    {
        get => _topology;
        set => _topology = value;
    }

    /// <summary>Whether the connection was closed because a server did not respond.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Completes when the connection to one of the servers breaks the next time.</summary>
    public Task NextFailure => _nextFailure.Task;

    /// <summary>Closes the connection, and fails all pending calls.</summary>
    public void Close()
    {
        _isClosed = true;
        Connection.Close(allowCommandsToComplete: false);
    }

    /// <remarks>Without <see cref="Close"/>, the client waits for all servers, and fails if one is not connected.</remarks>
    public void Dispose()
    {
        Close();
        Connection.Dispose();
    }

    /// <summary>Returns the primaries and the database.</summary>
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture, $"{string.Join(", ", Topology.Primaries.Select(RedisAddress.Describe))}/{Database.Database}");

    public bool IsConnectedTo(EndPoint server) => Find(server)?.IsConnected ?? false;

    /// <summary>Sends a ping to every primary.</summary>
    public Task[] Ping() => [.. Topology.Primaries.Select(PingAsync)];

    /// <summary>Sends a ping to a primary.</summary>
    /// <exception cref="RedisConnectionException">The server is not connected, or has become a replica.</exception>
    public Task PingAsync(EndPoint server) =>
        !Topology.IsCluster ? Database.PingAsync(CommandFlags.DemandMaster)
            : Find(server)?.PingAsync()
                ?? throw new StoreUnavailableException($"The primary {RedisAddress.Describe(server)} is not connected.");

    private IServer? Find(EndPoint server)
    {
        // Servers that the client has not found yet are unknown to it, which is an exception.
        return Connection.GetEndPoints().Contains(server) ? Connection.GetServer(server) : null;
    }
}
