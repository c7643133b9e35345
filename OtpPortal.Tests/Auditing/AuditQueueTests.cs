using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Auditing;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Auditing;

public sealed class AuditQueueOnRedisTests(RedisUnderTest store) : AuditQueueTests(store), IClassFixture<RedisUnderTest>;

public sealed class AuditQueueOnClusterTests(ClusterUnderTest store) : AuditQueueTests(store), IClassFixture<ClusterUnderTest>;

public sealed class AuditQueueEmbeddedTests(EmbeddedUnderTest store) : AuditQueueTests(store), IClassFixture<EmbeddedUnderTest>;

/// <summary>The queue and the lease of the audit stream on each kind of store.</summary>
public abstract class AuditQueueTests(StoreUnderTest store) : IAsyncLifetime, IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly CapturedLog _log = new();
    private AuditQueue _queue = null!;

    public async Task InitializeAsync()
    {
        await store.Stores.Otp.Database.KeyDeleteAsync(AuditQueue.Key);
        await store.Stores.Otp.Database.KeyDeleteAsync(AuditLease.Key);
        _queue = new AuditQueue(store.Stores, _services.GetRequiredService<IMeterFactory>(), store.Clock, _log.For<AuditQueue>());
        await _queue.StartAsync(CancellationToken.None);
    }

    public Task DisposeAsync() => _queue.StopAsync(CancellationToken.None);

    public void Dispose()
    {
        _queue.Dispose();
        _services.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task FillAsync(params string[] lines)
    {
        foreach (var line in lines) _queue.Add(line);
        await Eventually.BeTrueAsync(async () => await _queue.CountAsync() >= lines.Length);
    }

    [Fact]
    public async Task Events_are_read_in_order_and_removed_one_by_one()
    {
        await FillAsync("a", "b", "c", "d");

        (await _queue.PeekAsync(3)).ShouldBe(["a", "b", "c"]);
        await _queue.RemoveAsync("a");
        await _queue.RemoveAsync("a");
        await _queue.RemoveAsync("c");

        (await _queue.PeekAsync(10)).ShouldBe(["b", "d"], "a removal that is repeated removes nothing else");
        (await _queue.CountAsync()).ShouldBe(2);
        store.Dump().WithoutExpiry.ShouldAllBe(key => !key.StartsWith("audit:{stream}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_replica_at_a_time_holds_the_lease()
    {
        var leases = Enumerable.Range(0, 8).Select(_ => new AuditLease(store.Stores, store.Clock)).ToList();

        for (var round = 0; round < 20; round++)
        {
            var held = await Task.WhenAll(leases.Select(lease => lease.TryHoldAsync()));

            held.Count(holds => holds).ShouldBe(1);
            var holder = leases[Array.IndexOf(held, true)];
            store.Clock.Advance(AuditLease.Duration - TimeSpan.FromSeconds(1));
            (await holder.TryHoldAsync()).ShouldBeTrue("the holder renews it");
            store.Clock.Advance(TimeSpan.FromSeconds(2));
            foreach (var other in leases.Where(lease => lease != holder)) (await other.TryHoldAsync()).ShouldBeFalse();
            if (round % 2 == 0) await holder.ReleaseAsync();
            store.Clock.Advance(AuditLease.Duration);
        }
    }

    [Fact]
    public async Task A_lease_that_another_replica_took_over_is_not_released()
    {
        var (one, two) = (new AuditLease(store.Stores, store.Clock), new AuditLease(store.Stores, store.Clock));
        (await one.TryHoldAsync()).ShouldBeTrue();
        store.Clock.Advance(AuditLease.Duration);
        (await two.TryHoldAsync()).ShouldBeTrue();

        await one.ReleaseAsync();

        (await one.TryHoldAsync()).ShouldBeFalse();
    }
}
