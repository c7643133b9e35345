namespace OtpPortal.Tests.Infrastructure;

/// <summary>A primary with two replicas, watched by three sentinels, on loopback ports and without persistence.</summary>
internal sealed class RedisSentinels : IDisposable
{
    public const string PrimaryName = "portal";

    private readonly TemporaryFolder _folder = new();
    private readonly RedisProtection? _protection;

    private RedisSentinels(RedisProtection? protection) => _protection = protection;

    /// <summary>The servers; the first is the primary at the start.</summary>
    public List<RedisNode> Servers { get; } = [];

    public List<RedisNode> Sentinels { get; } = [];

    /// <summary>The URL of the sentinels, without a database.</summary>
    public string Url => $"redis+sentinel://{Hosts(Sentinels)}/{PrimaryName}";

    /// <summary>The URL of the servers, without a database.</summary>
    public string ServersUrl => $"redis://{Hosts(Servers)}";

    public static async Task<RedisSentinels> StartAsync(RedisProtection? protection = null)
    {
        var all = new RedisSentinels(protection);
        for (var i = 0; i < 3; i++)
        {
            string[] role = i == 0 ? [] : ["--replicaof", "127.0.0.1", RedisNode.Text(all.Servers[0].PortalPort)];
            all.Servers.Add(RedisNode.StartServer(all.Folder(i), protection, role));
        }
        await Eventually.BeTrueAsync(async () => await all.Servers[0].RespondsAsync()
            && (await all.Servers[0].AskAsync("INFO", "replication")).Field("connected_slaves") == "2");
        for (var i = 0; i < 3; i++) all.Sentinels.Add(all.StartSentinel(Path.Combine(all.Folder(10 + i), "sentinel.conf")));
        await all.WaitUntilHealthyAsync();
        return all;
    }

    /// <summary>Waits until the sentinels know each other and the replicas.</summary>
    public async Task WaitUntilHealthyAsync()
    {
        await Eventually.BeTrueAsync(async () =>
        {
            foreach (var sentinel in Sentinels)
            {
                if (!await sentinel.RespondsAsync()) return false;
                var reply = await sentinel.AskAsync("SENTINEL", "MASTER", PrimaryName);
                var fields = reply.Values.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
                if (fields["num-other-sentinels"] != "2" || fields["num-slaves"] != "2" || fields["flags"] != "master") return false;
            }
            return true;
        });
    }

    public void Dispose()
    {
        foreach (var process in Sentinels.Concat(Servers)) process.Dispose();
        _folder.Dispose();
    }

    private static string Hosts(IEnumerable<RedisNode> nodes) =>
        string.Join(',', nodes.Select(node => "127.0.0.1:" + RedisNode.Text(node.Port)));

    private string Folder(int number) => Directory.CreateDirectory(Path.Combine(_folder.Path, RedisNode.Text(number))).FullName;

    private RedisNode StartSentinel(string file)
    {
        File.WriteAllLines(file,
        [
            $"sentinel monitor {PrimaryName} 127.0.0.1 {RedisNode.Text(Servers[0].PortalPort)} 2",
            .. _protection is null ? [] : (string[])[$"sentinel auth-pass {PrimaryName} {RedisProtection.Password}"],
            // With less, a busy machine fails over before the test does.
            $"sentinel down-after-milliseconds {PrimaryName} 2000",
            $"sentinel failover-timeout {PrimaryName} 4000",
        ]);
        return RedisNode.StartSentinel(file, _protection);
    }
}
