using System.Globalization;
using OtpPortal.Histories.Recording;
using OtpPortal.Histories.Running;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Histories.Stores;

/// <summary>A primary with two replicas and three sentinels that replace it. Replication is asynchronous.</summary>
internal sealed class SentinelKind : StoreKind
{
    private const string PrimaryName = "portal";
    private const int Quorum = 2;
    private readonly string _folder;
    private readonly int[] _ports = [FreePort.Next(), FreePort.Next(), FreePort.Next()];
    private readonly int[] _sentinelPorts = [FreePort.Next(), FreePort.Next(), FreePort.Next()];
    private readonly ChildProcess[] _nodes;
    private readonly ChildProcess[] _sentinels;

    public SentinelKind(string folder)
    {
        _folder = folder;
        _nodes = [.. _ports.Select((port, i) => Node(Name("node", i), folder, port, ["--repl-diskless-sync-delay", "0", .. Follow(i)]))];
        _sentinels = [.. _sentinelPorts.Select((port, i) => Sentinel(Name("sentinel", i), port))];
    }

    public override bool LosesWritesOnFailover => true;

    public override IReadOnlyList<FaultAction> Faults =>
        [.. _nodes.SelectMany(node => node.Faults()), .. _sentinels.SelectMany(node => node.Faults())];

    public override async Task StartAsync()
    {
        await Task.WhenAll(_nodes.Select(node => node.StartAsync()));
        await WaitForAsync(_ports[0], "INFO replication", "connected_slaves:2");
        await Task.WhenAll(_sentinels.Select(sentinel => sentinel.StartAsync()));
        foreach (var port in _sentinelPorts) await WaitForAsync(port, "SENTINEL CKQUORUM " + PrimaryName, "+OK 3 usable");
    }

    public override (string Otp, string Auth) UrlsOf(int replica)
    {
        var addresses = _sentinelPorts.Select(port => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"));
        var sentinels = $"redis+sentinel://{string.Join(',', addresses)}/{PrimaryName}";
        return (sentinels + "/0", sentinels + "/1");
    }

    public override Task WatchAsync(Recorder recorder, CancellationToken end) =>
        WatchRolesAsync([.. _nodes.Select((node, i) => (node.Name, _ports[i]))], recorder, end);

    public override ValueTask DisposeAsync()
    {
        foreach (var process in _nodes.Concat(_sentinels)) process.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Name(string what, int index) => string.Create(CultureInfo.InvariantCulture, $"{what} {index + 1}");

    // A node that restarts learns its role from the sentinels, which reconfigure it.
    private IEnumerable<string> Follow(int node) =>
        node == 0 ? [] : ["--replicaof", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1 {_ports[0]}")];

    private ChildProcess Sentinel(string name, int port)
    {
        // Sentinels keep their state in their configuration file.
        var directory = Directory.CreateDirectory(Path.Combine(_folder, name.Replace(' ', '-'))).FullName;
        var file = Path.Combine(directory, "sentinel.conf");
        File.WriteAllText(file, string.Create(CultureInfo.InvariantCulture, $"""
            port {port}
            bind 127.0.0.1
            sentinel monitor {PrimaryName} 127.0.0.1 {_ports[0]} {Quorum}
            sentinel down-after-milliseconds {PrimaryName} 1000
            sentinel failover-timeout {PrimaryName} 4000
            """) + "\n");
        return new ChildProcess(
            name, directory, ["redis-server", file, "--sentinel"], new Dictionary<string, string>(StringComparer.Ordinal),
            async () => await AskAsync(port, "PING") == "+PONG\r\n");
    }
}
