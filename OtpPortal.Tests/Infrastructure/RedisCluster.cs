using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using OtpPortal.Storage;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A real Redis Cluster with three primaries on loopback ports, without persistence.</summary>
internal sealed class RedisCluster : IDisposable
{
    public const int SlotCount = 16384;

    private const int PrimaryCount = 3;
    private static readonly ConcurrentBag<RedisCluster> s_pool = [];

    // After how many milliseconds without an answer a node counts as failed. Nothing fails in the clusters of the pool, and under
    // heavy load a node may take more than a second to answer.
    private const int NodeTimeout = 1_000;
    private const int PoolNodeTimeout = 30_000;

    private readonly List<RedisNode> _nodes = [];
    private readonly TemporaryFolder _folder = new();
    private readonly string _nodeTimeout;
    private readonly RedisProtection? _protection;

    private RedisCluster(int nodeTimeout, RedisProtection? protection) =>
        (_nodeTimeout, _protection) = (RedisNode.Text(nodeTimeout), protection);

    /// <summary>All nodes; the first three are the primaries at the start.</summary>
    public IReadOnlyList<RedisNode> Nodes => _nodes;

    /// <summary>The URL of all nodes, without a database.</summary>
    public string Url => "redis://" + string.Join(',', _nodes.Select(node => $"127.0.0.1:{RedisNode.Text(node.Port)}"));

    public RedisAddress Address => new(_nodes[0].EndPoint, Password: null, Tls: false, Database: 0)
    {
        EndPoints = [.. _nodes.Select(node => (EndPoint)node.EndPoint)],
    };

    /// <summary>Takes an empty cluster without replicas from the pool.</summary>
    public static async Task<RedisCluster> TakeAsync() => s_pool.TryTake(out var free) ? free : await StartForProcessAsync();

    /// <summary>Deletes all data and returns the cluster to the pool.</summary>
    public async Task ReturnAsync()
    {
        await FlushAsync();
        s_pool.Add(this);
    }

    /// <summary>Starts a cluster that notices within a second that a node has failed.</summary>
    public static Task<RedisCluster> StartAsync(bool withReplicas, RedisProtection? protection = null) =>
        StartAsync(withReplicas, NodeTimeout, protection);

    private static async Task<RedisCluster> StartAsync(bool withReplicas, int nodeTimeout, RedisProtection? protection = null)
    {
        var cluster = new RedisCluster(nodeTimeout, protection);
        var count = withReplicas ? 2 * PrimaryCount : PrimaryCount;
        for (var i = 0; i < count; i++) cluster.AddProcess();
        await Eventually.BeTrueAsync(async () =>
            (await Task.WhenAll(cluster._nodes.Select(node => node.RespondsAsync()))).All(responds => responds));
        for (var i = 0; i < PrimaryCount; i++)
        {
            await cluster._nodes[i].TellAsync("CLUSTER", "SET-CONFIG-EPOCH", RedisNode.Text(i + 1));
            var (first, last) = (SlotCount * i / PrimaryCount, (SlotCount * (i + 1) / PrimaryCount) - 1);
            await cluster._nodes[i].TellAsync("CLUSTER", "ADDSLOTSRANGE", RedisNode.Text(first), RedisNode.Text(last));
        }
        foreach (var node in cluster._nodes.Skip(1)) await cluster.MeetAsync(node);
        await cluster.WaitForNodesAsync();
        for (var i = PrimaryCount; i < count; i++)
        {
            await cluster._nodes[i].TellAsync("CLUSTER", "REPLICATE", await cluster._nodes[i - PrimaryCount].TellAsync("CLUSTER", "MYID"));
        }
        await cluster.WaitUntilHealthyAsync();
        return cluster;
    }

    /// <summary>Starts another node and adds it to the cluster, without slots.</summary>
    public async Task<RedisNode> AddNodeAsync()
    {
        var node = AddProcess();
        await Eventually.BeTrueAsync(node.RespondsAsync);
        await MeetAsync(node);
        await WaitForNodesAsync();
        await WaitUntilHealthyAsync();
        return node;
    }

    /// <summary>Waits until every running node serves all slots and every replica is in sync.</summary>
    public Task WaitUntilHealthyAsync() => Eventually.BeTrueAsync(async () =>
    {
        foreach (var node in _nodes.Where(node => node.IsRunning))
        {
            if (!await node.RespondsAsync()) return false;
            var info = await node.AskAsync("CLUSTER", "INFO");
            if (info.Field("cluster_state") != "ok" || info.Field("cluster_slots_ok") != RedisNode.Text(SlotCount)) return false;
            var replication = await node.AskAsync("INFO", "replication");
            if (replication.Field("role") == "slave" && replication.Field("master_link_status") != "up") return false;
        }
        return true;
    });

    /// <summary>Returns the primary that has a slot, as a running node knows it.</summary>
    public async Task<RedisNode> OwnerOfAsync(int slot)
    {
        foreach (var node in _nodes.Where(node => node.IsRunning))
        {
            if (await node.IsPrimaryAsync() && await HasSlotAsync(node, slot)) return node;
        }
        throw new InvalidOperationException($"No running node has the slot {slot}.");
    }

    /// <summary>Moves a slot with its keys to another node, while the cluster is in use.</summary>
    public async Task MoveSlotAsync(int slot, RedisNode to)
    {
        var from = await OwnerOfAsync(slot);
        if (from == to) return;
        var text = RedisNode.Text(slot);
        var (source, target) = (await from.TellAsync("CLUSTER", "MYID"), await to.TellAsync("CLUSTER", "MYID"));
        await to.TellAsync("CLUSTER", "SETSLOT", text, "IMPORTING", source);
        await from.TellAsync("CLUSTER", "SETSLOT", text, "MIGRATING", target);
        while (await from.AskAsync("CLUSTER", "GETKEYSINSLOT", text, "10") is { Values: { Count: > 0 } keys })
        {
            await from.TellAsync(["MIGRATE", "127.0.0.1", RedisNode.Text(to.Port), "", "0", "5000", "KEYS", .. keys]);
        }
        await to.TellAsync("CLUSTER", "SETSLOT", text, "NODE", target);
        await from.TellAsync("CLUSTER", "SETSLOT", text, "NODE", target);
        foreach (var node in _nodes.Where(node => node.IsRunning && node != from && node != to))
        {
            if (await node.IsPrimaryAsync())
                await node.TellAsync("CLUSTER", "SETSLOT", text, "NODE", target);
        }
    }

    public async Task FlushAsync()
    {
        foreach (var node in _nodes) await node.AskAsync("FLUSHALL");
    }

    public void Dispose()
    {
        foreach (var node in _nodes) node.Dispose();
        _folder.Dispose();
    }

    private static async Task<RedisCluster> StartForProcessAsync()
    {
        var cluster = await StartAsync(withReplicas: false, PoolNodeTimeout);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => cluster.Dispose();
        return cluster;
    }

    private static async Task<bool> HasSlotAsync(RedisNode node, int slot)
    {
        var own = (await node.TellAsync("CLUSTER", "NODES")).Split('\n').Single(line => line.Contains("myself", StringComparison.Ordinal));
        return own.Split(' ').Skip(8).Where(range => range[0] != '[').Select(range => range.Split('-'))
            .Select(range => range.Select(bound => int.Parse(bound, CultureInfo.InvariantCulture)).ToArray())
            .Any(range => range[0] <= slot && slot <= range[^1]);
    }

    private RedisNode AddProcess()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, RedisNode.Text(_nodes.Count))).FullName;
        var node = RedisNode.StartServer(
            folder, _protection, "--cluster-enabled", "yes", "--cluster-port", RedisNode.Text(FreePort.Next()),
            "--cluster-node-timeout", _nodeTimeout, "--tls-cluster", _protection is null ? "no" : "yes",
            "--cluster-replica-validity-factor", "0",
            // A node that gives its last slot away stays a primary.
            "--cluster-allow-replica-migration", "no");
        _nodes.Add(node);
        return node;
    }

    private async Task MeetAsync(RedisNode node)
    {
        var first = _nodes[0];
        var bus = (await first.AskAsync("CONFIG", "GET", "cluster-port")).Values[1];
        await node.TellAsync("CLUSTER", "MEET", "127.0.0.1", RedisNode.Text(first.PortalPort), bus);
    }

    private Task WaitForNodesAsync() => Eventually.BeTrueAsync(async () =>
    {
        foreach (var node in _nodes.Where(node => node.IsRunning))
        {
            var nodes = await node.TellAsync("CLUSTER", "NODES");
            if (nodes.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length < _nodes.Count
                || nodes.Contains("handshake", StringComparison.Ordinal)) return false;
        }
        return true;
    });
}
