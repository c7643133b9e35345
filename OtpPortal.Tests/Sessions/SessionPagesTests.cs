using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

public sealed class SessionPagesOnRedisTests(RedisUnderTest store) : SessionPagesTests(store), IClassFixture<RedisUnderTest>;

public sealed class SessionPagesOnClusterTests(ClusterUnderTest store) : SessionPagesTests(store), IClassFixture<ClusterUnderTest>;

public sealed class SessionPagesEmbeddedTests(EmbeddedUnderTest store) : SessionPagesTests(store), IClassFixture<EmbeddedUnderTest>;

/// <summary>Tests listing sessions in the order of creation, at once and with a cursor.</summary>
public abstract class SessionPagesTests
{
    private readonly StoreUnderTest _store;
    private readonly TokenStore _tokens;
    private readonly SessionList _sessions;

    protected SessionPagesTests(StoreUnderTest store)
    {
        _store = store;
        _tokens = store.TokenStore();
        _sessions = new SessionList(store.SessionIndex, _tokens);
    }

    private Task<LiveToken> IssueAsync(string email) => _tokens.IssueAsync(email, "192.0.2.1", "Tests/1.0");

    [Fact]
    public async Task Pages_contain_each_session_once_even_when_creation_times_are_equal()
    {
        var email = TestUser.New();
        var issued = new List<string>();
        for (var i = 0; i < 57; i++)
        {
            // Creates runs of sessions with the same creation time.
            if (i is 10 or 11 or 40) _store.Clock.Advance(TimeSpan.FromMilliseconds(1));
            issued.Add((await IssueAsync(email)).SessionId);
        }

        foreach (var limit in (int[])[1, 7, 20, 56, 57, 58])
        {
            var seen = new List<string>();
            string? cursor = null;
            do
            {
                var page = (await _sessions.PageAsync(email, limit, cursor)).ShouldNotBeNull();
                page.Sessions.Count.ShouldBeLessThanOrEqualTo(limit);
                if (page.Next is not null) page.Sessions.Count.ShouldBe(limit);
                seen.AddRange(page.Sessions.Select(session => session.Id));
                cursor = page.Next;
            }
            while (cursor is not null && seen.Count <= issued.Count);

            seen.ShouldBe(issued, ignoreOrder: true);
        }
        var listed = new List<string>();
        await foreach (var session in _sessions.ListAsync(email)) listed.Add(session.Id);
        listed.ShouldBe(issued, ignoreOrder: true);
    }

    [Fact]
    public async Task Paging_continues_when_sessions_are_revoked_in_between()
    {
        var email = TestUser.New();
        var issued = new List<LiveToken>();
        for (var i = 0; i < 30; i++) issued.Add(await IssueAsync(email));

        var first = (await _sessions.PageAsync(email, 10, null)).ShouldNotBeNull();
        foreach (var session in first.Sessions) await _tokens.RevokeAsync(session.Id);
        var second = (await _sessions.PageAsync(email, 10, first.Next)).ShouldNotBeNull();
        var third = (await _sessions.PageAsync(email, 10, second.Next)).ShouldNotBeNull();

        third.Next.ShouldBeNull();
        first.Sessions.Concat(second.Sessions).Concat(third.Sessions).Select(session => session.Id)
            .ShouldBe(issued.Select(session => session.SessionId), ignoreOrder: true);
    }

    [Fact]
    public async Task A_list_of_several_hundred_sessions_is_complete()
    {
        var email = TestUser.New();
        var issued = await Task.WhenAll(Enumerable.Range(0, 450).Select(_ => IssueAsync(email)));

        var listed = new List<string>();
        await foreach (var session in _sessions.ListAsync(email)) listed.Add(session.Token);

        listed.ShouldBe(issued.Select(session => session.Token), ignoreOrder: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData(".")]
    [InlineData("1.2.3")]
    [InlineData("16.")]
    [InlineData("-1.")]
    [InlineData("0.0198000000aAAAAAAAAA")]
    [InlineData("0.0198000000aAAAAAAAAAAA")]
    [InlineData("0.0198000000AAAAAAAAAAAA")]
    [InlineData("0.0198000000aAAAAAAAAA*")]
    public async Task Returns_null_for_a_malformed_cursor(string cursor) => (await _sessions.PageAsync(null, 10, cursor)).ShouldBeNull();
}
