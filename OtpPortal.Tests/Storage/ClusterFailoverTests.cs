using System.Diagnostics;
using System.Globalization;
using OtpPortal.Configuration;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;
using Xunit.Abstractions;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests a Redis Cluster whose nodes fail, hang, come and go while the portal is in use.</summary>
public sealed class ClusterFailoverTests(ITestOutputHelper output)
{
    private const int Clients = 3;

    // From the promotion of a replica. The portal needs about half a second, and 1.5 s if the failed primary hangs.
    private static readonly TimeSpan s_maxRecovery = TimeSpan.FromSeconds(3);

    private static readonly string[] s_reads =
    [
        "get", "mget", "exists", "strlen", "ttl", "pttl", "hget", "hmget", "hgetall", "hexists", "zcard", "zcount", "zrange",
        "zrangebyscore", "zrangebylex", "zlexcount", "lrange", "llen", "smembers", "watch",
    ];

    private static Task<PortalHost> StartAsync(RedisCluster cluster) =>
        PortalHost.StartAsync(("REDIS_URL_OTP", cluster.Url), ("REDIS_URL_AUTH", cluster.Url + "/0"));

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
        await Eventually.BeTrueAsync(replica.IsPrimaryAsync);
        var promoted = Stopwatch.GetTimestamp();
        // The cluster itself needs a moment until all nodes know the new primary.
        await load.WaitForRoundsAsync(20);

        output.WriteLine($"The latest 503 was {load.LatestFailureAfter(promoted).TotalMilliseconds:0} ms after the promotion.");
        load.LatestFailureAfter(promoted).ShouldBeLessThan(s_maxRecovery);
        // The portal asks the nodes several times a second.
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);

        if (hangs) primary.Continue();
        else primary.Start();
        await cluster.WaitUntilHealthyAsync();
        (await primary.IsPrimaryAsync()).ShouldBeFalse();
        await load.WaitForRoundsAsync(5);
        await load.StopAsync();
        load.Wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task Moving_slots_with_keys_to_a_new_node_and_back_fails_no_request()
    {
        using var cluster = await RedisCluster.StartAsync(withReplicas: false);
        await using var portal = await StartAsync(cluster);
        await using var load = StoreLoad.Start(portal, Clients);
        await load.WaitForRoundsAsync(3);

        var added = await cluster.AddNodeAsync();
        var (source, slots) = (cluster.Nodes[0], new HashSet<int>());
        foreach (var key in (await source.AskAsync("KEYS", "*")).Values)
            slots.Add(int.Parse(await source.TellAsync("CLUSTER", "KEYSLOT", key), CultureInfo.InvariantCulture));
        slots.Count.ShouldBeGreaterThan(10);
        foreach (var slot in slots) await cluster.MoveSlotAsync(slot, added);
        await load.WaitForRoundsAsync(5);
        (await added.AskAsync("DBSIZE")).Text.ShouldNotBe("0");
        foreach (var slot in slots) await cluster.MoveSlotAsync(slot, source);
        await load.WaitForRoundsAsync(5);
        await load.StopAsync();

        load.Wrong.ShouldBeEmpty();
        load.Unavailable.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_command_that_is_redirected_twice_waits_until_its_slot_has_settled()
    {
        using var cluster = await RedisCluster.StartAsync(withReplicas: false);
        using var store = RedisStore.Connect("otp", cluster.Address);
        await Eventually.BeTrueAsync(() => Task.FromResult(store.IsComplete));
        const string Key = "redirected";
        var slot = await cluster.Nodes[0].TellAsync("CLUSTER", "KEYSLOT", Key);
        var owner = await cluster.OwnerOfAsync(int.Parse(slot, CultureInfo.InvariantCulture));
        var other = cluster.Nodes.First(node => node != owner);
        // The owner sends the client to a node that sends it back: ASK, then MOVED.
        await owner.TellAsync("CLUSTER", "SETSLOT", slot, "MIGRATING", await other.TellAsync("CLUSTER", "MYID"));

        var (counted, set) = (store.Database.StringIncrementAsync(Key, 1), store.Database.SortedSetRemoveAsync("{" + Key + "}", "member"));
        await Task.WhenAny(counted, Task.Delay(TimeSpan.FromMilliseconds(100)));
        counted.IsCompleted.ShouldBeFalse();
        await owner.TellAsync("CLUSTER", "SETSLOT", slot, "STABLE");

        (await counted).ShouldBe(1, "a redirected command has not been run");
        (await set).ShouldBeFalse();
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

    [Fact]
    public async Task A_database_that_a_cluster_does_not_have_prevents_the_start()
    {
        var cluster = await RedisCluster.TakeAsync();

        var errors = (await Should.ThrowAsync<SettingsException>(
            () => PortalHost.StartAsync(("REDIS_URL_OTP", cluster.Url), ("REDIS_URL_AUTH", cluster.Url + "/1")))).Errors;

        var error = errors.ShouldHaveSingleItem();
        error.ShouldStartWith("REDIS_URL_AUTH names the database 1,");
        error.ShouldContain("only database 0");
        await cluster.ReturnAsync();
    }
}
