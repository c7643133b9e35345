using System.Diagnostics;
using System.Globalization;
using OtpPortal.Histories.Recording;
using OtpPortal.Histories.Running;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Histories.Stores;

/// <summary>A Redis Cluster of three primaries with a replica each. Replication is asynchronous.</summary>
internal sealed class ClusterKind : StoreKind
{
    private const int Nodes = 6;
    private readonly int[] _ports = [.. Enumerable.Range(0, Nodes).Select(_ => FreePort.Next())];
    private readonly ChildProcess[] _nodes;

    public ClusterKind(string folder) => _nodes =
    [
        .. _ports.Select((port, i) => Node(
            string.Create(CultureInfo.InvariantCulture, $"node {i + 1}"), folder, port,
            "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
            "--cluster-port", FreePort.Next().ToString(CultureInfo.InvariantCulture))),
    ];

    public override bool LosesWritesOnFailover => true;

    public override IReadOnlyList<FaultAction> Faults => [.. _nodes.SelectMany(node => node.Faults())];

    public override async Task StartAsync()
    {
        await Task.WhenAll(_nodes.Select(node => node.StartAsync()));
        using var create = Process.Start(new ProcessStartInfo(
            "redis-cli", ["--cluster", "create", .. Addresses(), "--cluster-replicas", "1", "--cluster-yes"])
        {
            RedirectStandardOutput = true,
        })!;
        var output = await create.StandardOutput.ReadToEndAsync();
        await create.WaitForExitAsync();
        if (create.ExitCode != 0) throw new InvalidOperationException(output);
        foreach (var port in _ports) await WaitForAsync(port, "CLUSTER INFO", "cluster_state:ok");
    }

    // A cluster has one database.
    public override (string Otp, string Auth) UrlsOf(int replica)
    {
        var url = $"redis://{string.Join(',', Addresses())}/0";
        return (url, url);
    }

    public override Task WatchAsync(Recorder recorder, CancellationToken end) =>
        WatchRolesAsync([.. _nodes.Select((node, i) => (node.Name, _ports[i]))], recorder, end);

    public override ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) node.Dispose();
        return ValueTask.CompletedTask;
    }

    private IEnumerable<string> Addresses() => _ports.Select(port => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"));
}
