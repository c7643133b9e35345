using OtpPortal.Limits;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Limits;

public sealed class RequestQuotaOnRedisTests(RedisUnderTest store) : RequestQuotaTests(store), IClassFixture<RedisUnderTest>;

public sealed class RequestQuotaEmbeddedTests(EmbeddedUnderTest store) : RequestQuotaTests(store), IClassFixture<EmbeddedUnderTest>;

/// <summary>So many requests in so much time, counted cheaply.</summary>
public abstract class RequestQuotaTests : IDisposable
{
    private static readonly Limit s_limit = new("TESTS", 12, TimeSpan.FromSeconds(60));
    private readonly StoreUnderTest _store;
    private readonly RequestQuota _quota;
    private readonly string _subject = Someone.New();

    protected RequestQuotaTests(StoreUnderTest store)
    {
        _store = store;
        _quota = new RequestQuota(store.Stores, store.Clock);
        // Each test begins with a window.
        var into = store.Clock.GetUtcNow().ToUnixTimeMilliseconds() % 60_000;
        if (into > 0) Pass(60 - (into / 1000.0));
    }

    public void Dispose()
    {
        // The clock is shared: what a test has counted is out of the way of the next one.
        Pass(120);
        GC.SuppressFinalize(this);
    }

    private void Pass(double seconds) => _store.Clock.Advance(TimeSpan.FromSeconds(seconds));

    private async Task<QuotaState> TakeAsync(int times = 1)
    {
        for (var i = 1; i < times; i++) await _quota.TakeAsync(s_limit, _subject);
        return await _quota.TakeAsync(s_limit, _subject);
    }

    [Fact]
    public async Task Each_request_is_told_how_many_are_left_and_for_how_long()
    {
        Pass(18);

        var first = await TakeAsync();
        Pass(10);
        var last = await TakeAsync(11);

        (first.Remaining, first.ResetIn, first.Wait).ShouldBe((11, TimeSpan.FromSeconds(42), null));
        (last.Remaining, last.ResetIn, last.Wait).ShouldBe((0, TimeSpan.FromSeconds(32), null));
    }

    [Fact]
    public async Task Past_the_quota_it_is_told_when_to_come_back_and_that_holds()
    {
        await TakeAsync(12);
        Pass(20);

        var refused = await TakeAsync();

        // Five seconds after the window's end a twelfth of its twelve requests has faded.
        refused.Wait.ShouldBe(TimeSpan.FromSeconds(45));
        refused.ResetIn.ShouldBe(TimeSpan.FromSeconds(45));
        refused.Remaining.ShouldBe(0);
        Pass(44.999);
        (await TakeAsync()).Wait.ShouldBe(TimeSpan.FromMilliseconds(1));
        Pass(0.001);
        (await TakeAsync()).Wait.ShouldBeNull();
        (await TakeAsync()).Wait.ShouldBe(TimeSpan.FromSeconds(5), "the next one fades five seconds later");
    }

    [Fact]
    public async Task Who_asks_on_while_it_has_to_wait_does_not_wait_longer()
    {
        await TakeAsync(12);
        var wait = (await TakeAsync()).Wait!.Value;
        for (var i = 0; i < 50; i++) await TakeAsync();
        Pass(60);
        for (var i = 0; i < 50; i++) await TakeAsync();
        Pass(wait.TotalSeconds - 60);

        (await TakeAsync()).Wait.ShouldBeNull();
    }

    [Fact]
    public async Task The_edge_of_a_window_lets_nobody_have_it_twice()
    {
        Pass(59.999);
        (await TakeAsync(12)).Wait.ShouldBeNull();
        Pass(0.001);
        (await TakeAsync()).Wait.ShouldNotBeNull();
        Pass(30);

        (await TakeAsync(6)).Remaining.ShouldBe(0, "half of them have faded");
        (await TakeAsync()).Wait.ShouldNotBeNull();
    }

    [Fact]
    public async Task After_two_quiet_windows_all_of_it_is_there_again()
    {
        await TakeAsync(12);
        Pass(120);

        (await TakeAsync()).Remaining.ShouldBe(11);
    }

    [Fact]
    public async Task Whoever_waits_as_told_is_taken_whatever_came_before()
    {
        var random = new Random(20260301);
        for (var round = 0; round < 100; round++)
        {
            Pass(random.Next(0, 40_000) / 1000.0);
            var last = await TakeAsync(random.Next(1, 20));
            if (last.Wait is not { } wait) continue;
            wait.ShouldBeGreaterThan(TimeSpan.Zero);
            Pass(wait.TotalSeconds);
            (await TakeAsync()).Wait.ShouldBeNull($"in round {round}");
        }
    }

    [Fact]
    public async Task One_a_window_is_a_quota_too()
    {
        var one = s_limit with { Name = "ONE", Count = 1 };

        (await _quota.TakeAsync(one, _subject)).Wait.ShouldBeNull();
        var wait = (await _quota.TakeAsync(one, _subject)).Wait.ShouldNotBeNull();
        Pass(wait.TotalSeconds);
        (await _quota.TakeAsync(one, _subject)).Wait.ShouldBeNull();
    }

    [Fact]
    public async Task Of_simultaneous_requests_no_more_than_the_quota_are_taken()
    {
        var first = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(() => TakeAsync())));

        first.Count(state => state.Wait is null).ShouldBe(12);
        first.Where(state => state.Wait is null).Select(state => state.Remaining).ShouldBe(Enumerable.Range(0, 12), ignoreOrder: true);

        // Of the window before twelve count, not the sixty that came.
        Pass(90);
        var next = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Task.Run(() => TakeAsync())));
        next.Count(state => state.Wait is null).ShouldBe(6);
    }

    [Fact]
    public async Task What_is_given_back_does_not_count()
    {
        for (var i = 0; i < 30; i++) await _quota.GiveBackAsync(await TakeAsync());
        (await TakeAsync(12)).Remaining.ShouldBe(0);

        await _quota.GiveBackAsync(await TakeAsync());

        (await TakeAsync()).Wait.ShouldNotBeNull("a refused one took nothing that could be given back");
    }

    [Fact]
    public async Task Subjects_and_quotas_are_counted_apart()
    {
        await TakeAsync(13);

        (await _quota.TakeAsync(s_limit, Someone.New())).Remaining.ShouldBe(11);
        (await _quota.TakeAsync(s_limit with { Name = "OTHER" }, _subject)).Remaining.ShouldBe(11);
    }

    [Fact]
    public async Task The_store_neither_names_the_subject_nor_keeps_it()
    {
        await TakeAsync(15);
        Pass(60);
        await TakeAsync();

        var dump = _store.Dump();

        dump.Text.ShouldNotContain(_subject);
        dump.WithoutExpiry.ShouldBeEmpty();
        var counters = dump.Entries.Where(entry => entry.Key.StartsWith("quota:", StringComparison.Ordinal)).ToArray();
        counters.ShouldNotBeEmpty();
        counters.ShouldAllBe(entry => entry.TimeToLive <= TimeSpan.FromSeconds(130));
    }
}
