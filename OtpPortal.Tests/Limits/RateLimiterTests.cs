using System.Net;
using OtpPortal.Http;
using OtpPortal.Limits;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Limits;

public sealed class RateLimiterOnRedisTests(RedisUnderTest store) : RateLimiterTests(store), IClassFixture<RedisUnderTest>;

public sealed class RateLimiterEmbeddedTests(EmbeddedUnderTest store) : RateLimiterTests(store), IClassFixture<EmbeddedUnderTest>;

/// <summary>So many in so much time, and not one more.</summary>
public abstract class RateLimiterTests(StoreUnderTest store)
{
    private static readonly Limit s_limit = new("TESTS", 3, TimeSpan.FromSeconds(60));
    private readonly RateLimiter _limiter = new(store.Stores, store.Clock);
    private readonly string _subject = Someone.New();

    [Fact]
    public async Task The_window_slides_with_each_event()
    {
        foreach (var _ in (int[])[1, 2, 3])
        {
            (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
            store.Clock.Advance(TimeSpan.FromSeconds(10));
        }

        (await _limiter.TakeAsync(s_limit, _subject)).ShouldBe(TimeSpan.FromSeconds(30), "until the first of the three is a minute old");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
        (await _limiter.TakeAsync(s_limit, _subject)).ShouldBe(TimeSpan.FromSeconds(10), "until the second is");
    }

    [Fact]
    public async Task Who_waits_as_told_is_let_in()
    {
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);
        for (var i = 0; i < 5; i++)
        {
            var wait = (await _limiter.TakeAsync(s_limit, _subject)).ShouldNotBeNull();
            wait.ShouldBe(TimeSpan.FromSeconds(60), "what was refused does not count");
        }

        store.Clock.Advance(TimeSpan.FromSeconds(60));
        for (var i = 0; i < 3; i++) (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
    }

    [Fact]
    public async Task Simultaneous_events_do_not_slip_through()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => _limiter.TakeAsync(s_limit, _subject))));

        results.Count(wait => wait is null).ShouldBeLessThanOrEqualTo(3);
        results.OfType<TimeSpan>().ShouldAllBe(wait => wait >= TimeSpan.FromSeconds(1) && wait <= TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Looking_counts_nothing()
    {
        for (var i = 0; i < 10; i++) (await _limiter.PeekAsync(s_limit, _subject)).ShouldBeNull();
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);
        store.Clock.Advance(TimeSpan.FromSeconds(20));

        (await _limiter.PeekAsync(s_limit, _subject)).ShouldBe(TimeSpan.FromSeconds(40));
        store.Clock.Advance(TimeSpan.FromSeconds(40));
        (await _limiter.PeekAsync(s_limit, _subject)).ShouldBeNull();
    }

    [Fact]
    public async Task What_was_reset_counts_from_nothing()
    {
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);

        _limiter.Reset(s_limit, _subject);

        for (var i = 0; i < 3; i++) (await _limiter.TakeAsync(s_limit, _subject)).ShouldBeNull();
        (await _limiter.TakeAsync(s_limit, _subject)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Subjects_and_limits_are_counted_apart()
    {
        for (var i = 0; i < 3; i++) await _limiter.TakeAsync(s_limit, _subject);

        (await _limiter.TakeAsync(s_limit, Someone.New())).ShouldBeNull();
        (await _limiter.TakeAsync(s_limit with { Name = "OTHER" }, _subject)).ShouldBeNull();
    }

    [Fact]
    public async Task The_store_neither_names_the_subject_nor_keeps_it()
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
    public async Task The_addresses_of_one_ipv6_customer_are_one_client()
    {
        for (var i = 0; i < 3; i++)
        {
            (await _limiter.TakeAsync(s_limit, ClientAddress.LimitKey(IPAddress.Parse($"2001:db8:7:8::{i + 1}")))).ShouldBeNull();
        }

        (await _limiter.TakeAsync(s_limit, ClientAddress.LimitKey(IPAddress.Parse("2001:db8:7:8:ffff:ffff:ffff:ffff")))).ShouldNotBeNull();
        (await _limiter.TakeAsync(s_limit, ClientAddress.LimitKey(IPAddress.Parse("2001:db8:7:9::1")))).ShouldBeNull();
    }
}
