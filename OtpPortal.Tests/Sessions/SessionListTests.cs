using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

public sealed class SessionListOnRedisTests() : SessionListTests(new RedisUnderTest());

public sealed class SessionListOnClusterTests() : SessionListTests(new ClusterUnderTest());

public sealed class SessionListEmbeddedTests() : SessionListTests(new EmbeddedUnderTest());

/// <summary>Tests paging, sorting and searching the list of all sessions. Each test has its own store.</summary>
public abstract class SessionListTests(StoreUnderTest store) : IAsyncLifetime
{
    private TokenStore _tokens = null!;
    private SessionList _sessions = null!;

    public async Task InitializeAsync()
    {
        await store.InitializeAsync();
        _tokens = store.TokenStore();
        _sessions = new SessionList(store.SessionIndex, _tokens);
    }

    public Task DisposeAsync() => store.DisposeAsync();

    private Task<LiveToken> IssueAsync(string email) => _tokens.IssueAsync(email, "192.0.2.1", "Tests/1.0");

    private async Task<IReadOnlyList<LiveToken>> IssueManyAsync(int count)
    {
        var issued = new List<LiveToken>();
        for (var i = 0; i < count; i++)
        {
            store.Clock.Advance(TimeSpan.FromSeconds(61));
            issued.Add(await IssueAsync($"user{i % 10}@example.com"));
        }
        return issued;
    }

    private async Task<IReadOnlyList<string>> IdsAsync(
        SessionOrder order, bool descending, int skip = 0, int take = 1000, string prefix = "") =>
        [.. (await _sessions.SliceAsync(new SessionQuery(prefix, order, descending, skip, take))).Sessions.Select(session => session.Id)];

    [Fact]
    public async Task Pages_are_contiguous_in_both_directions()
    {
        var ids = (await IssueManyAsync(45)).Select(token => token.SessionId).ToList();

        foreach (var order in (SessionOrder[])[SessionOrder.Created, SessionOrder.LastSeen])
        {
            var up = new List<string>();
            var down = new List<string>();
            for (var skip = 0; skip < 60; skip += 20)
            {
                up.AddRange(await IdsAsync(order, descending: false, skip, 20));
                down.AddRange(await IdsAsync(order, descending: true, skip, 20));
            }
            up.ShouldBe(ids);
            down.ShouldBe(Enumerable.Reverse(ids));
        }
        (await _sessions.SliceAsync(new SessionQuery("", SessionOrder.LastSeen, Descending: true, 40, 20))).Total.ShouldBe(45);
    }

    [Fact]
    public async Task Using_a_session_changes_its_position_by_last_use_but_not_by_creation()
    {
        var issued = await IssueManyAsync(5);
        store.Clock.Advance(TimeSpan.FromMinutes(5));
        // Uses less than a minute apart are recorded too.
        for (var i = 0; i < 20; i++)
        {
            store.Clock.Advance(TimeSpan.FromSeconds(10));
            await _tokens.UseAsync(issued[1].Token);
        }

        await Eventually.BeTrueAsync(async () => (await IdsAsync(SessionOrder.LastSeen, descending: true))[0] == issued[1].SessionId);
        (await IdsAsync(SessionOrder.Created, descending: false))[1].ShouldBe(issued[1].SessionId);
    }

    [Fact]
    public async Task Shows_the_first_thousand_and_the_total()
    {
        foreach (var numbers in Enumerable.Range(0, 1030).Chunk(103))
        {
            store.Clock.Advance(TimeSpan.FromMilliseconds(1));
            await Task.WhenAll(numbers.Select(number => IssueAsync($"user{number}@example.com")));
        }

        foreach (var order in Enum.GetValues<SessionOrder>())
        {
            var last = await _sessions.SliceAsync(new SessionQuery("", order, Descending: true, 990, 20));
            (last.Sessions.Count, last.Total).ShouldBe((10, 1030));
        }
    }

    [Fact]
    public async Task Search_matches_addresses_by_prefix()
    {
        foreach (var email in (string[])["ann@example.com", "anna@example.com", "anna@example.com", "anne@example.org", "bob@example.com"])
            await IssueAsync(email);

        async Task<string[]> FindAsync(string prefix) =>
            [.. (await _sessions.SliceAsync(new SessionQuery(prefix, SessionOrder.Email, Descending: false, 0, 20))).Sessions
                .Select(session => session.Email)];

        (await FindAsync("ann")).ShouldBe(["ann@example.com", "anna@example.com", "anna@example.com", "anne@example.org"]);
        (await FindAsync("ann@")).ShouldBe(["ann@example.com"]);
        (await FindAsync("anna@example.com")).Length.ShouldBe(2);
        (await FindAsync("c")).ShouldBeEmpty();
        (await FindAsync("nn")).ShouldBeEmpty("a prefix match, not a substring match");
        (await FindAsync("[ann")).ShouldBeEmpty("Redis range syntax has no meaning in a search");
    }

    [Fact]
    public async Task A_small_result_is_sorted_as_requested_and_a_large_one_by_address()
    {
        var issued = await IssueManyAsync(30);
        var mine = issued.Where((_, i) => i % 10 == 3).Select(token => token.SessionId).ToList();

        (await IdsAsync(SessionOrder.Created, descending: true, prefix: "user3")).ShouldBe(Enumerable.Reverse(mine));
        (await IdsAsync(SessionOrder.Created, descending: false, 1, 1, "user3")).ShouldBe([mine[1]]);

        for (var i = 0; i < 201; i++) await IssueAsync($"many{i:000}@example.com");
        var many = await _sessions.SliceAsync(new SessionQuery("many", SessionOrder.Created, Descending: true, 0, 20));
        many.Order.ShouldBe(SessionOrder.Email);
        many.Total.ShouldBe(201);
        many.Sessions[0].Email.ShouldBe("many200@example.com");
    }

    [Theory]
    [InlineData(SessionOrder.LastSeen)]
    [InlineData(SessionOrder.Created)]
    [InlineData(SessionOrder.Email)]
    public async Task Index_entries_without_a_session_leave_no_gaps_in_a_page(SessionOrder order)
    {
        var issued = await IssueManyAsync(30);
        foreach (var token in issued.Take(3))
            await store.Stores.Auth.Database.KeyDeleteAsync("session:" + token.SessionId);

        (await IdsAsync(order, descending: false, 0, 10)).Count.ShouldBe(10);
        (await IdsAsync(order, descending: false, 10, 20)).Count.ShouldBe(17);

        (await _sessions.SliceAsync(new SessionQuery("", order, Descending: false, 0, 20))).Total.ShouldBe(27);
    }

    [Fact]
    public async Task Revoked_sessions_disappear_from_every_order_immediately()
    {
        var issued = await IssueManyAsync(12);

        (await _tokens.RevokeAsync(issued[4].SessionId)).ShouldBeTrue();
        (await _tokens.RevokeAllAsync("user1@example.com")).ShouldBe(2);

        foreach (var order in Enum.GetValues<SessionOrder>())
        {
            var slice = await _sessions.SliceAsync(new SessionQuery("", order, Descending: false, 0, 100));
            slice.Total.ShouldBe(9);
            slice.Sessions.Select(session => session.Email).ShouldNotContain("user1@example.com");
        }
        (await _tokens.UseAsync(issued[4].Token)).ShouldBeNull();
        (await _tokens.UseAsync(issued[1].Token)).ShouldBeNull();
        (await _tokens.UseAsync(issued[2].Token)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Revoking_everyone_deletes_all_sessions()
    {
        var issued = await IssueManyAsync(12);
        await _tokens.RevokeAsync(issued[0].SessionId);

        (await _tokens.RevokeEveryoneAsync()).ShouldBe(11);

        foreach (var token in issued) (await _tokens.UseAsync(token.Token)).ShouldBeNull();
        (await _sessions.SliceAsync(new SessionQuery("", SessionOrder.LastSeen, Descending: true, 0, 20))).ShouldSatisfyAllConditions(
            slice => slice.Total.ShouldBe(0), slice => slice.Sessions.ShouldBeEmpty());
        store.Dump().Text.ShouldNotContain("@example.com", Case.Sensitive, "nothing is left of them");
    }

    [Fact]
    public async Task A_session_revoked_during_use_stays_revoked()
    {
        var token = await IssueAsync("ann@example.com");
        store.Clock.Advance(TimeSpan.FromMinutes(5));

        await Task.WhenAll(_tokens.UseAsync(token.Token), _tokens.RevokeAsync(token.SessionId), _tokens.UseAsync(token.Token));

        (await _tokens.UseAsync(token.Token)).ShouldBeNull();
        foreach (var order in Enum.GetValues<SessionOrder>()) (await IdsAsync(order, descending: false)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Expired_sessions_leave_no_gaps_in_a_page()
    {
        var old = await IssueManyAsync(30);
        store.Clock.Advance(TimeSpan.FromDays(6));
        var fresh = await IssueManyAsync(5);
        await _tokens.UseAsync(old[29].Token);
        store.Clock.Advance(TimeSpan.FromDays(2));

        var ids = await IdsAsync(SessionOrder.Created, descending: false, 0, 10);

        ids.ShouldBe([old[29].SessionId, .. fresh.Select(token => token.SessionId)]);
    }
}
