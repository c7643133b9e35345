using System.Diagnostics;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests a Redis Cluster whose nodes fail, hang, come and go while the portal is in use.</summary>
public sealed class ClusterFailoverTests
{
    private const int Clients = 3;

    // From the promotion of a replica. The portal itself needs about half a second.
    private static readonly TimeSpan s_maxRecovery = TimeSpan.FromSeconds(3);

    private static readonly string[] s_reads =
    [
        "get", "mget", "exists", "strlen", "ttl", "pttl", "hget", "hmget", "hgetall", "hexists", "zcard", "zcount", "zrange", "zrangebyscore",
        "zrangebylex", "zlexcount", "lrange", "llen", "smembers", "watch",
    ];

    private static Task<PortalHost> StartAsync(RedisCluster cluster) =>
        PortalHost.StartAsync(("REDIS_URL_OTP", cluster.Url), ("REDIS_URL_AUTH", cluster.Url + "/0"));

    private static async Task<bool> IsPrimaryAsync(RedisNode node) => (await node.AskAsync("INFO", "replication")).Field("role") == "master";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failed_primary_causes_only_503_until_its_replica_takes_over(bool hangs)
    {
        using var cluster = await RedisCluster.StartAsync(withReplicas: true);
        await using var portal = await StartAsync(cluster);
        await using var load = StoreLoad.Start(portal, Clients);
        await load.WaitForRoundsAsync(5);
        load.Unavailable.ShouldBeEmpty();
        var (primary, replica) = (cluster.Nodes[0], cluster.Nodes[3]);

        if (hangs) primary.Pause();
        else primary.Kill();
        await Eventually.BeTrueAsync(() => IsPrimaryAsync(replica));
        var promoted = Stopwatch.GetTimestamp();
        // The cluster itself needs a moment until all nodes know the new primary.
        await load.WaitForRoundsAsync(20);

        load.LatestFailureAfter(promoted).ShouldBeLessThan(s_maxRecovery);
        (await portal.NewApiClient().GetAsync("/readyz")).Status.ShouldBe(200);

        if (hangs) primary.Continue();
        else primary.Start();
        await cluster.WaitUntilHealthyAsync();
        (await IsPrimaryAsync(primary)).ShouldBeFalse();
        await load.WaitForRoundsAsync(5);
        await load.StopAsync();
        load.Wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task Reads_never_go_to_replicas()
    {
        using var cluster = await RedisCluster.StartAsync(withReplicas: true);
        await using var portal = await StartAsync(cluster);
        foreach (var node in cluster.Nodes) await node.TellAsync("CONFIG", "RESETSTAT");

        await using (var load = StoreLoad.Start(portal, Clients)) await load.WaitForRoundsAsync(10);
        await portal.OpenAdministrationAsync();

        (await cluster.Nodes[0].CallsAsync()).Keys.ShouldContain("hgetall");
        foreach (var replica in cluster.Nodes.Skip(3)) (await replica.CallsAsync()).Keys.Intersect(s_reads).ShouldBeEmpty();
    }

    [Fact]
    public async Task Readyz_returns_503_while_a_primary_without_a_replica_is_down()
    {
        using var cluster = await RedisCluster.StartAsync(withReplicas: false);
        await using var portal = await StartAsync(cluster);
        await portal.SignInAsync(TestUser.New());

        cluster.Nodes[1].Kill();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 503);
        (await portal.NewApiClient().GetAsync("/readyz")).Json.GetProperty("stores").EnumerateArray().Select(name => name.GetString())
            .ShouldBe(["otp", "auth"]);

        cluster.Nodes[1].Start();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);
        await portal.SignInAsync(TestUser.New());
    }

    [Fact]
    public async Task A_portal_that_starts_before_the_cluster_uses_it_later()
    {
        using var cluster = await RedisCluster.StartAsync(withReplicas: false);
        foreach (var node in cluster.Nodes) node.Kill();
        await using var portal = await StartAsync(cluster);
        (await portal.NewApiClient().GetAsync("/readyz")).Status.ShouldBe(503);

        foreach (var node in cluster.Nodes) node.Start();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);

        await portal.SignInAsync(TestUser.New());
    }
}
