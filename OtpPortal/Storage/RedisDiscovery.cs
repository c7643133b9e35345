using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace OtpPortal.Storage;

/// <summary>Finds the primaries of an address by asking its servers or sentinels.</summary>
/// <remarks>
/// <para>
/// A server that says <c>cluster_enabled:1</c> is a node of a cluster. All known nodes are asked, and the view with the highest
/// epoch is used. Other servers are a primary and its replicas: the one that says <c>role:master</c> is used, and of several the
/// one with the most replicas, so that all replicas of the portal choose the same.
/// </para>
/// <para>
/// All sentinels are asked. The answer with the highest configuration epoch is the result of the latest failover, and it is
/// used only if that server says that it is a primary.
/// </para>
/// </remarks>
internal sealed class RedisDiscovery(RedisAddress address) : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMilliseconds(500);
    private readonly Dictionary<EndPoint, RespConnection> _connections = [];
    private readonly ConcurrentDictionary<EndPoint, string> _failures = [];
    private readonly ConcurrentDictionary<EndPoint, bool> _silent = [];
    private readonly Lock _lock = new();
    private IReadOnlyList<EndPoint> _nodes = address.EndPoints;
    private bool? _isCluster = address.PrimaryName is null ? null : false;
    private bool _isDisposed;

    /// <summary>Whether another server can become the primary: false for a single server that is no node of a cluster.</summary>
    public bool CanChange => _isCluster != false || address.PrimaryName is not null || address.EndPoints.Count > 1;

    /// <summary>Why the latest search found no primary, for operators.</summary>
    public string Reason => _failures.IsEmpty ? "No server that responds is a primary."
        : string.Join("; ", _failures.OrderBy(failure => RedisAddress.Describe(failure.Key), StringComparer.Ordinal)
            .Select(failure => $"{RedisAddress.Describe(failure.Key)}: {failure.Value}"));

    /// <summary>The servers to use until one has responded.</summary>
    /// <remarks>A sentinel holds no data, so no server is used until a primary is known.</remarks>
    public RedisTopology Assumed { get; } = new(
        IsCluster: false, [address.PrimaryName is null ? address.EndPoint : new IPEndPoint(IPAddress.None, IPEndPoint.MaxPort)])
    {
        Problem = "No Redis server has said yet whether it is a primary.",
    };

    /// <summary>Returns the primaries, or null if they are unknown now.</summary>
    public async Task<RedisTopology?> FindAsync(CancellationToken stop)
    {
        _failures.Clear();
        if (address.PrimaryName is { } name) return await FindBySentinelAsync(name, stop);
        if (_isCluster is null)
        {
            var replies = (await AskAllAsync(address.EndPoints, ["INFO", "cluster"], stop))
                .Where(item => !item.Reply.Text.StartsWith("NOAUTH", StringComparison.Ordinal)).ToList();
            if (replies.Count == 0) return null;
            _isCluster = replies.Exists(item => item.Reply.Field("cluster_enabled") == "1");
        }
        return _isCluster.Value ? await FindInClusterAsync(stop) : await FindByRoleAsync(stop);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            foreach (var connection in _connections.Values) connection.Dispose();
            _connections.Clear();
        }
    }

    private async Task<RedisTopology?> FindInClusterAsync(CancellationToken stop)
    {
        var asked = _nodes.Union(address.EndPoints).ToList();
        var infos = await AskAllAsync(asked, ["CLUSTER", "INFO"], stop);
        var nodes = (await AskAllAsync([.. infos.Select(info => info.Server)], ["CLUSTER", "NODES"], stop))
            .ToDictionary(item => item.Server, item => item.Reply);
        var found = infos.Where(info => nodes.ContainsKey(info.Server))
            .Select(info => (Topology: RedisTopology.OfCluster(info.Reply, nodes[info.Server], info.Server),
                Epoch: Number(info.Reply.Field("cluster_current_epoch"))))
            .Where(view => view.Topology.Primaries.Count > 0)
            .OrderByDescending(view => view.Topology.IsComplete).ThenByDescending(view => view.Epoch)
            .Select(view => view.Topology)
            .FirstOrDefault();
        if (found is null) return null;
        _nodes = found.Nodes;
        // A primary rejects commands until it has learned itself that the cluster is complete.
        var states = await AskAllAsync(found.Primaries, ["CLUSTER", "INFO"], stop);
        var ready = states.Where(item => item.Reply.Field("cluster_state") == "ok").Select(item => item.Server).ToHashSet();
        return found.Primaries.FirstOrDefault(server => !ready.Contains(server)) is { } server && found.IsComplete
            ? found with { Problem = $"The node {RedisAddress.Describe(server)} of the Redis Cluster does not serve its hash slots." }
            : found;
    }

    private async Task<RedisTopology?> FindByRoleAsync(CancellationToken stop)
    {
        // The only server is used whatever its role.
        if (address.EndPoints.Count == 1) return new RedisTopology(IsCluster: false, [address.EndPoint]);
        var replies = await AskAllAsync(address.EndPoints, ["INFO", "replication"], stop);
        return replies.Where(item => item.Reply.Field("role") == "master")
            .OrderByDescending(item => Number(item.Reply.Field("connected_slaves")))
            .Select(item => new RedisTopology(IsCluster: false, [item.Server]))
            .FirstOrDefault();
    }

    private async Task<RedisTopology?> FindBySentinelAsync(string name, CancellationToken stop)
    {
        var epochs = (await AskAllAsync(address.EndPoints, ["SENTINEL", "MASTER", name], stop)).Where(item => !item.Reply.IsError).ToList();
        // This command names the new primary as soon as it is promoted; SENTINEL MASTER does so when the failover has ended.
        var places = (await AskAllAsync([.. epochs.Select(item => item.Server)], ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name], stop))
            .Where(item => item.Reply is { IsError: false, Values.Count: 2 })
            .ToDictionary(item => item.Server, item => item.Reply.Values);
        var latest = epochs.Where(item => places.ContainsKey(item.Server))
            .OrderByDescending(item => Number(FieldOf(item.Reply, "config-epoch")))
            .Select(item => places[item.Server])
            .FirstOrDefault();
        if (latest is null) return null;
        var primary = RedisTopology.ParseEndPoint($"{latest[0]}:{latest[1]}", address.EndPoint);
        if (await AskAllAsync([primary], ["INFO", "replication"], stop) is not [{ Reply.IsError: false } answer]) return null;
        if (answer.Reply.Field("role") == "master") return new RedisTopology(IsCluster: false, [primary]);
        _failures[primary] = "The server is a replica, although sentinels name it as the primary.";
        return null;
    }

    // A list of names and values.
    private static string FieldOf(RespReply reply, string name) =>
        reply.Values.Chunk(2).FirstOrDefault(pair => pair[0] == name) is [_, var value] ? value : "";

    private static long Number(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    // Returns the responses of those that respond, in the order of the servers. Waits for servers that did not respond last time
    // only as long as for the others, so that a server that hangs does not delay a failover.
    private async Task<(EndPoint Server, RespReply Reply)[]> AskAllAsync(
        IReadOnlyList<EndPoint> servers, IReadOnlyList<string> command, CancellationToken stop)
    {
        var waitsForAll = servers.All(_silent.ContainsKey);
        var asked = servers.Select(server => (Server: server, IsAwaited: waitsForAll || !_silent.ContainsKey(server),
            Reply: AskAsync(server, command, stop))).ToList();
        await Task.WhenAll(asked.Where(item => item.IsAwaited).Select(item => item.Reply));
        return [.. asked.Where(item => item.Reply.IsCompletedSuccessfully && item.Reply.Result is not null)
            .Select(item => (item.Server, item.Reply.Result!))];
    }

    private async Task<RespReply?> AskAsync(EndPoint server, IReadOnlyList<string> command, CancellationToken stop)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timeout.CancelAfter(s_timeout);
        try
        {
            var connection = Take(server) ?? await RespConnection.OpenAsync(server, address, timeout.Token);
            try
            {
                var reply = await connection.SendAsync(command, timeout.Token);
                Return(server, connection);
                _silent.TryRemove(server, out _);
                if (reply.IsError) _failures[server] = reply.Text;
                return reply;
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }
        catch (Exception e) when (!stop.IsCancellationRequested
            && e is SocketException or IOException or OperationCanceledException or AuthenticationException or FormatException)
        {
            if (e is OperationCanceledException) _silent[server] = true;
            _failures[server] = e is OperationCanceledException ? "The server does not respond." : e.Message;
            return null;
        }
    }

    private RespConnection? Take(EndPoint server)
    {
        lock (_lock) return _connections.Remove(server, out var connection) ? connection : null;
    }

    private void Return(EndPoint server, RespConnection connection)
    {
        lock (_lock)
        {
            if (!_isDisposed && _connections.TryAdd(server, connection)) return;
        }
        connection.Dispose();
    }
}
