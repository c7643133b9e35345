using Microsoft.Extensions.Logging.Abstractions;
using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

public sealed class SessionCleanupOnRedisTests() : SessionCleanupTests(new RedisUnderTest());

public sealed class SessionCleanupEmbeddedTests() : SessionCleanupTests(new EmbeddedUnderTest());

/// <summary>Tests the session cleanup. Each test has its own store.</summary>
public abstract class SessionCleanupTests(StoreUnderTest store) : IAsyncLifetime
{
    private static readonly string[] s_indexes = ["sessions", "seen", "emails"];
    private TokenStore _tokens = null!;

    public async Task InitializeAsync()
    {
        await store.InitializeAsync();
        _tokens = store.TokenStore();
    }

    public Task DisposeAsync() => store.DisposeAsync();

    private Task<LiveToken> IssueAsync(string email) => _tokens.IssueAsync(email, "192.0.2.1", "Tests/1.0");

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

        foreach (var index in s_indexes) (await store.Stores.Auth.Database.SortedSetLengthAsync(index)).ShouldBe(500, index);
        store.Dump().Keys.ShouldNotContain(key => key.StartsWith("user:b", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Removes_index_entries_without_a_session()
    {
        var database = store.Stores.Auth.Database;
        var lost = await IssueAsync("lost@example.com");
        await IssueAsync("live@example.com");
        await database.KeyDeleteAsync(["live:" + lost.SessionId, "session:" + lost.SessionId]);

        await CleanUpAsync();

        foreach (var index in s_indexes) (await database.SortedSetLengthAsync(index)).ShouldBe(1, index);
        store.Dump().Keys.ShouldNotContain("user:lost@example.com");
    }
}
