using OtpPortal.Limits;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Limits;

public sealed class RequestQuotaOnRedisTests(RedisUnderTest store) : RequestQuotaTests(store), IClassFixture<RedisUnderTest>;

public sealed class RequestQuotaEmbeddedTests(EmbeddedUnderTest store) : RequestQuotaTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class RequestQuotaOnClusterTests(ClusterUnderTest store) : RequestQuotaTests(store), IClassFixture<ClusterUnderTest>;

/// <summary>Request quotas with a weighted sliding window.</summary>
public abstract class RequestQuotaTests : IDisposable
{
    private static readonly Limit s_limit = new("TESTS", 12, TimeSpan.FromSeconds(60));
    private readonly StoreUnderTest _store;
    private readonly RequestQuota _quota;
    private readonly string _subject = TestUser.New();

    protected RequestQuotaTests(StoreUnderTest store)
    {
        _store = store;
        _quota = new RequestQuota(store.Stores, store.Clock);
        // Each test starts at the beginning of a window.
        var into = store.Clock.GetUtcNow().ToUnixTimeMilliseconds() % 60_000;
        if (into > 0) AdvanceClock(60 - (into / 1000.0));
    }

    public void Dispose()
    {
        // The clock is shared, so the counts of this test must expire before the next one.
        AdvanceClock(120);
        GC.SuppressFinalize(this);
    }

    private void AdvanceClock(double seconds) => _store.Clock.Advance(TimeSpan.FromSeconds(seconds));

    private async Task<QuotaState> TakeAsync(int times = 1)
    {
        for (var i = 1; i < times; i++) await _quota.TakeAsync(s_limit, _subject);
        return await _quota.TakeAsync(s_limit, _subject);
    }

    [Fact]
    public async Task Reports_the_remaining_requests_and_the_reset_time()
    {
        AdvanceClock(18);

        var first = await TakeAsync();
        AdvanceClock(10);
        var last = await TakeAsync(11);

        (first.Remaining, first.ResetIn, first.Wait).ShouldBe((11, TimeSpan.FromSeconds(42), null));
        (last.Remaining, last.ResetIn, last.Wait).ShouldBe((0, TimeSpan.FromSeconds(32), null));
    }

    [Fact]
    public async Task Beyond_the_quota_reports_the_exact_time_to_wait()
    {
        await TakeAsync(12);
        AdvanceClock(20);

        var refused = await TakeAsync();

        // Five seconds after the end of the window, one of its twelve requests no longer counts.
        refused.Wait.ShouldBe(TimeSpan.FromSeconds(45));
        refused.ResetIn.ShouldBe(TimeSpan.FromSeconds(45));
        refused.Remaining.ShouldBe(0);
        AdvanceClock(44.999);
        (await TakeAsync()).Wait.ShouldBe(TimeSpan.FromMilliseconds(1));
        AdvanceClock(0.001);
        (await TakeAsync()).Wait.ShouldBeNull();
        (await TakeAsync()).Wait.ShouldBe(TimeSpan.FromSeconds(5), "the next one expires five seconds later");
    }

    [Fact]
    public async Task Refused_requests_do_not_extend_the_wait()
    {
        await TakeAsync(12);
        var wait = (await TakeAsync()).Wait!.Value;
        for (var i = 0; i < 50; i++) await TakeAsync();
        AdvanceClock(60);
        for (var i = 0; i < 50; i++) await TakeAsync();
        AdvanceClock(wait.TotalSeconds - 60);

        (await TakeAsync()).Wait.ShouldBeNull();
    }

    [Fact]
    public async Task The_quota_cannot_be_doubled_at_a_window_boundary()
    {
        AdvanceClock(59.999);
        (await TakeAsync(12)).Wait.ShouldBeNull();
        AdvanceClock(0.001);
        (await TakeAsync()).Wait.ShouldNotBeNull();
        AdvanceClock(30);

        (await TakeAsync(6)).Remaining.ShouldBe(0, "half of them have expired");
        (await TakeAsync()).Wait.ShouldNotBeNull();
    }

    [Fact]
    public async Task The_full_quota_is_available_after_two_idle_windows()
    {
        await TakeAsync(12);
        AdvanceClock(120);

        (await TakeAsync()).Remaining.ShouldBe(11);
    }

    [Fact]
    public async Task A_request_is_accepted_after_the_reported_wait_for_any_history()
    {
        var random = new Random(20260301);
        for (var round = 0; round < 100; round++)
        {
            AdvanceClock(random.Next(0, 40_000) / 1000.0);
            var last = await TakeAsync(random.Next(1, 20));
            if (last.Wait is not { } wait) continue;
            wait.ShouldBeGreaterThan(TimeSpan.Zero);
            AdvanceClock(wait.TotalSeconds);
            (await TakeAsync()).Wait.ShouldBeNull($"in round {round}");
        }
    }

    [Fact]
    public async Task Supports_a_quota_of_one_request_per_window()
    {
        var one = s_limit with { Name = "ONE", Count = 1 };

        (await _quota.TakeAsync(one, _subject)).Wait.ShouldBeNull();
        var wait = (await _quota.TakeAsync(one, _subject)).Wait.ShouldNotBeNull();
        AdvanceClock(wait.TotalSeconds);
        (await _quota.TakeAsync(one, _subject)).Wait.ShouldBeNull();
    }

    [Fact]
    public async Task Concurrent_requests_do_not_exceed_the_quota()
    {
        var first = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(() => TakeAsync())));

        first.Count(state => state.Wait is null).ShouldBe(12);
        first.Where(state => state.Wait is null).Select(state => state.Remaining).ShouldBe(Enumerable.Range(0, 12), ignoreOrder: true);

        // Only the twelve accepted requests of the previous window count, not all sixty.
        AdvanceClock(90);
        var next = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(() => TakeAsync())));
        next.Count(state => state.Wait is null).ShouldBe(6);
    }

    [Fact]
    public async Task Returned_requests_do_not_count()
    {
        for (var i = 0; i < 30; i++) await _quota.ReturnAsync(await TakeAsync());
        (await TakeAsync(12)).Remaining.ShouldBe(0);

        await _quota.ReturnAsync(await TakeAsync());

        (await TakeAsync()).Wait.ShouldNotBeNull("a refused request has no quota to return");
    }

    [Fact]
    public async Task Subjects_and_quotas_are_counted_separately()
    {
        await TakeAsync(13);

        (await _quota.TakeAsync(s_limit, TestUser.New())).Remaining.ShouldBe(11);
        (await _quota.TakeAsync(s_limit with { Name = "OTHER" }, _subject)).Remaining.ShouldBe(11);
    }

    [Fact]
    public async Task The_store_does_not_contain_the_subject_and_its_keys_expire()
    {
        await TakeAsync(15);
        AdvanceClock(60);
        await TakeAsync();

        var dump = _store.Dump();

        dump.Text.ShouldNotContain(_subject);
        dump.WithoutExpiry.ShouldBeEmpty();
        var counters = dump.Entries.Where(entry => entry.Key.StartsWith("quota:", StringComparison.Ordinal)).ToArray();
        counters.ShouldNotBeEmpty();
        counters.ShouldAllBe(entry => entry.TimeToLive <= TimeSpan.FromSeconds(130));
    }
}
