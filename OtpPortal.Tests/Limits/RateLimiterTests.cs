using System.Net;
using OtpPortal.Http;
using OtpPortal.Limits;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Limits;

public sealed class RateLimiterOnRedisTests(RedisUnderTest store) : RateLimiterTests(store), IClassFixture<RedisUnderTest>;

public sealed class RateLimiterEmbeddedTests(EmbeddedUnderTest store) : RateLimiterTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class RateLimiterOnClusterTests(ClusterUnderTest store) : RateLimiterTests(store), IClassFixture<ClusterUnderTest>;

/// <summary>Sliding-window rate limits.</summary>
public abstract class RateLimiterTests(StoreUnderTest store)
{
    private static readonly Limit s_limit = new("TESTS", 3, TimeSpan.FromSeconds(60));
    private readonly RateLimiter _limiter = new(store.Stores, store.Clock);
    private readonly string _subject = TestUser.New();

    [Fact]
    public async Task The_limit_uses_a_sliding_window()
    {
        foreach (var _ in (int[])[1, 2, 3])
        {
            (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
            store.Clock.Advance(TimeSpan.FromSeconds(10));
        }

        (await _limiter.TakeAsync(s_limit, _subject)).ShouldBe(TimeSpan.FromSeconds(30), "until the first of the three has expired");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
        (await _limiter.TakeAsync(s_limit, _subject)).ShouldBe(TimeSpan.FromSeconds(10), "until the second one has expired");
    }

    [Fact]
    public async Task Accepts_an_event_after_the_reported_wait()
    {
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);
        for (var i = 0; i < 5; i++)
        {
            var wait = (await _limiter.TakeAsync(s_limit, _subject)).ShouldNotBeNull();
            wait.ShouldBe(TimeSpan.FromSeconds(60), "a refused request does not count");
        }

        store.Clock.Advance(TimeSpan.FromSeconds(60));
        for (var i = 0; i < 3; i++) (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
    }

    [Fact]
    public async Task Concurrent_events_do_not_exceed_the_limit()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => _limiter.TakeAsync(s_limit, _subject))));

        results.Count(wait => wait is null).ShouldBeLessThanOrEqualTo(3);
        results.OfType<TimeSpan>().ShouldAllBe(wait => wait >= TimeSpan.FromSeconds(1) && wait <= TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Peeking_does_not_count()
    {
        for (var i = 0; i < 10; i++) (await _limiter.PeekAsync(s_limit, _subject)).ShouldBeNull();
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);
        store.Clock.Advance(TimeSpan.FromSeconds(20));

        (await _limiter.PeekAsync(s_limit, _subject)).ShouldBe(TimeSpan.FromSeconds(40));
        store.Clock.Advance(TimeSpan.FromSeconds(40));
        (await _limiter.PeekAsync(s_limit, _subject)).ShouldBeNull();
    }

    [Fact]
    public async Task Reset_clears_the_count()
    {
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);

        _limiter.Reset(s_limit, _subject);

        for (var i = 0; i < 3; i++) (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
        (await _limiter.TakeAsync(s_limit, _subject)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Subjects_and_limits_are_counted_separately()
    {
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);

        (await _limiter.TakeAsync(s_limit, TestUser.New())).ShouldBeNull();
        (await _limiter.TakeAsync(s_limit with { Name = "OTHER" }, _subject)).ShouldBeNull();
    }

    [Fact]
    public async Task The_store_does_not_contain_the_subject_and_its_keys_expire()
    {
        await _limiter.TakeAsync(s_limit, _subject);

        var dump = store.Dump();

        dump.Text.ShouldNotContain(_subject);
        dump.WithoutExpiry.ShouldBeEmpty();
        dump.Entries.Where(entry => entry.Key.StartsWith("limit:", StringComparison.Ordinal)).ShouldNotBeEmpty();
        dump.Entries.Where(entry => entry.Key.StartsWith("limit:", StringComparison.Ordinal))
            .ShouldAllBe(entry => entry.TimeToLive <= s_limit.Window);
    }

    [Fact]
    public async Task Addresses_of_the_same_IPv6_64_network_share_one_limit()
    {
        for (var i = 0; i < 3; i++)
        {
            (await _limiter.TakeAsync(s_limit, ClientAddress.LimitKey(IPAddress.Parse($"2001:db8:7:8::{i + 1}")))).ShouldBeNull();
        }

        (await _limiter.TakeAsync(s_limit, ClientAddress.LimitKey(IPAddress.Parse("2001:db8:7:8:ffff:ffff:ffff:ffff")))).ShouldNotBeNull();
        (await _limiter.TakeAsync(s_limit, ClientAddress.LimitKey(IPAddress.Parse("2001:db8:7:9::1")))).ShouldBeNull();
    }
}
