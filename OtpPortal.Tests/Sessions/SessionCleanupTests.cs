using Microsoft.Extensions.Logging.Abstractions;
using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

public sealed class SessionCleanupOnRedisTests() : SessionCleanupTests(new RedisUnderTest());

public sealed class SessionCleanupOnClusterTests() : SessionCleanupTests(new ClusterUnderTest());

public sealed class SessionCleanupEmbeddedTests() : SessionCleanupTests(new EmbeddedUnderTest());

/// <summary>Tests the session cleanup. Each test has its own store.</summary>
public abstract class SessionCleanupTests(StoreUnderTest store) : IAsyncLifetime
{
    private TokenStore _tokens = null!;

    public async Task InitializeAsync()
    {
        await store.InitializeAsync();
        _tokens = store.TokenStore();
    }

    public Task DisposeAsync() => store.DisposeAsync();

    private Task<LiveToken> IssueAsync(string email) => _tokens.IssueAsync(email, "192.0.2.1", "Tests/1.0");

    private async Task EveryIndexHasAsync(int sessions)
    {
        foreach (var order in Enum.GetValues<SessionOrder>())
        {
            var (entries, total) = await store.SessionIndex.FirstAsync(order, "", descending: false, take: 1000);
            (entries.Count, total).ShouldBe((sessions, sessions), order.ToString());
        }
    }

    private async Task CleanUpAsync()
    {
        using var cleanup = new SessionCleanup(store.SessionIndex, _tokens, store.Clock, NullLogger<SessionCleanup>.Instance);
        await cleanup.RunAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Deletes_expired_sessions_and_keeps_live_ones()
    {
        var (expired, live) = (await IssueAsync("expired@example.com"), await IssueAsync("live@example.com"));
        store.Clock.Advance(TimeSpan.FromDays(4));
        await _tokens.UseAsync(live.Token);
        store.Clock.Advance(TimeSpan.FromDays(4));

        await CleanUpAsync();

        var dump = store.Dump().Text;
        dump.ShouldNotContain(expired.SessionId);
        dump.ShouldNotContain(expired.Email);
        dump.ShouldContain(live.SessionId);
        (await _tokens.UseAsync(live.Token)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Cleans_up_every_page_of_the_index()
    {
        await Task.WhenAll(Enumerable.Range(0, 250).Select(number => IssueAsync($"b{number}@example.com")));
        store.Clock.Advance(TimeSpan.FromDays(8));
        await Task.WhenAll(Enumerable.Range(0, 250).Select(number => IssueAsync($"a{number}@example.com")));
        await Task.WhenAll(Enumerable.Range(0, 250).Select(number => IssueAsync($"c{number}@example.com")));

        await CleanUpAsync();

        await EveryIndexHasAsync(500);
        store.Dump().Text.ShouldNotContain("b7@example.com");
    }

    [Fact]
    public async Task Removes_index_entries_without_a_session()
    {
        var lost = await IssueAsync("lost@example.com");
        await IssueAsync("live@example.com");
        await store.Stores.Auth.Database.KeyDeleteAsync("session:" + lost.SessionId);

        await CleanUpAsync();

        await EveryIndexHasAsync(1);
        store.Dump().Text.ShouldNotContain("lost@example.com");
    }
}
