using System.Diagnostics;
using OtpPortal.Tests.Infrastructure;
using Xunit.Abstractions;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests a primary with replicas, whose failover sentinels or an operator run.</summary>
public sealed class SentinelTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly TimeSpan s_maxRecovery = TimeSpan.FromSeconds(3);

    private RedisSentinels _redis = null!;

    public async Task InitializeAsync() => _redis = await RedisSentinels.StartAsync();

    public Task DisposeAsync()
    {
        _redis.Dispose();
        return Task.CompletedTask;
    }

    private static Task<PortalHost> StartAsync(string url) =>
        PortalHost.StartAsync(("REDIS_URL_OTP", url + "/0"), ("REDIS_URL_AUTH", url + "/1"));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failed_primary_causes_only_503_until_a_replica_takes_over(bool hangs)
    {
        await using var portal = await StartAsync(_redis.Url);
        await using var load = StoreLoad.Start(portal, 3);
        await load.WaitForRoundsAsync(5);
        load.Unavailable.ShouldBeEmpty();
        var failed = _redis.Servers[0];

        if (hangs) failed.Pause();
        else failed.Kill();
        await Eventually.BeTrueAsync(async () => await _redis.Servers[1].IsPrimaryAsync() || await _redis.Servers[2].IsPrimaryAsync());
        var promoted = Stopwatch.GetTimestamp();
        await load.WaitForRoundsAsync(20);

        output.WriteLine($"The latest 503 was {load.LatestFailureAfter(promoted).TotalMilliseconds:0} ms after the promotion.");
        load.LatestFailureAfter(promoted).ShouldBeLessThan(s_maxRecovery);
        // The portal asks the nodes several times a second.
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);

        // The old primary comes back with old data, and says that it is a primary until a sentinel corrects it.
        if (hangs) failed.Continue();
        else failed.Start();
        await Eventually.BeTrueAsync(failed.IsReplicaAsync);
        await load.WaitForRoundsAsync(5);
        await load.StopAsync();
        load.Wrong.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_revocation_waits_for_the_required_number_of_replicas()
    {
        await using var portal = await PortalHost.StartAsync(
            ("REDIS_URL_OTP", _redis.Url + "/0"), ("REDIS_URL_AUTH", _redis.Url + "/1"), ("REDIS_WAIT_REPLICAS", "2"));
        var (first, second) = (await portal.SignInAsync(TestUser.New()), await portal.SignInAsync(TestUser.New()));

        (await first.PostAsync("/logout")).Status.ShouldBe(303);
        _redis.Servers[2].Pause();
        var unconfirmed = await second.AsProgram().PostAsync("/logout");
        _redis.Servers[2].Continue();

        unconfirmed.Status.ShouldBe(503, "one of two replicas does not have it");
        (await second.GetAsync("/check-auth")).Status.ShouldBe(403, "it has taken effect anyway");
        var third = await portal.SignInAsync(TestUser.New());
        await Eventually.BeTrueAsync(async () => (await third.PostAsync("/logout")).Status == 303);
    }

    [Fact]
    public async Task Reads_never_go_to_replicas_and_one_sentinel_is_enough()
    {
        _redis.Sentinels[0].Kill();
        _redis.Sentinels[1].Kill();
        foreach (var server in _redis.Servers) await server.TellAsync("CONFIG", "RESETSTAT");
        await using var portal = await StartAsync(_redis.Url);

        await using (var load = StoreLoad.Start(portal, 3)) await load.WaitForRoundsAsync(5);

        (await _redis.Servers[0].CallsAsync()).Keys.ShouldContain("hgetall");
        foreach (var replica in _redis.Servers.Skip(1)) (await replica.CallsAsync()).Keys.ShouldNotContain("hgetall");
    }

    [Fact]
    public async Task A_portal_that_starts_before_the_sentinels_uses_the_primary_later()
    {
        foreach (var sentinel in _redis.Sentinels) sentinel.Kill();
        await using var portal = await StartAsync(_redis.Url);
        (await portal.NewApiClient().GetAsync("/readyz")).Status.ShouldBe(503);
        (await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", "Bearer " + new string('a', 32)))).Status.ShouldBe(503);

        _redis.Sentinels[2].Start();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);

        await portal.SignInAsync(TestUser.New());
    }

    [Fact]
    public async Task Without_sentinels_the_portal_finds_the_primary_among_the_servers()
    {
        foreach (var sentinel in _redis.Sentinels) sentinel.Kill();
        await using var portal = await StartAsync(_redis.ServersUrl);
        var browser = await portal.SignInAsync(TestUser.New());
        await _redis.Servers[0].TellAsync("WAIT", "2", "10000");

        // A failover by hand: the replica is promoted, and the others follow it.
        _redis.Servers[0].Kill();
        await _redis.Servers[2].TellAsync("REPLICAOF", "NO", "ONE");
        await _redis.Servers[1].TellAsync("REPLICAOF", "127.0.0.1", RedisNode.Text(_redis.Servers[2].Port));
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/readyz")).Status == 200);

        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
        await portal.SignInAsync(TestUser.New());
    }
}
