using System.Text.RegularExpressions;
using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Sessions;

public sealed class TokenStoreOnRedisTests(RedisUnderTest store) : TokenStoreTests(store), IClassFixture<RedisUnderTest>;

public sealed class TokenStoreOnClusterTests(ClusterUnderTest store) : TokenStoreTests(store), IClassFixture<ClusterUnderTest>;

public sealed class TokenStoreEmbeddedTests(EmbeddedUnderTest store) : TokenStoreTests(store), IClassFixture<EmbeddedUnderTest>;

/// <summary>Tests the lifetime, rotation and revocation of tokens.</summary>
public abstract class TokenStoreTests(StoreUnderTest store)
{
    private static readonly Regex s_index = new("^(created|seen|address):[0-9]+$", RegexOptions.None, TimeSpan.FromSeconds(1));
    private readonly TokenStore _tokens = store.TokenStore();

    private FakeClock Clock => store.Clock;

    private Task<LiveToken> IssueAsync(string? email = null) => _tokens.IssueAsync(email ?? TestUser.New(), "192.0.2.1", "Tests/1.0");

    private Task<IReadOnlyList<Session>> SessionsOfAsync(string email) => new SessionList(store.SessionIndex, _tokens).OfUserAsync(email);

    private static RedisKey KeyOf(string userAgent) => "ua:" + Convert.ToHexStringLower(UserAgents.DigestOf(userAgent));

    [Fact]
    public async Task A_token_identifies_its_session()
    {
        var email = TestUser.New();
        var issued = await IssueAsync(email);

        var used = (await _tokens.UseAsync(issued.Token)).ShouldNotBeNull();

        used.Email.ShouldBe(email);
        used.SessionId.ShouldBe(issued.SessionId);
        used.Token.ShouldBe(issued.Token, "a use does not rotate the token");
        used.ExpiresIn.ShouldBe(TimeSpan.FromDays(7));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("short")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA*")]
    [InlineData("sessionsXXXXXXXXXXXXXXXXXXXXXXXXXXX")]
    public async Task Returns_null_for_an_invalid_token(string? token)
    {
        (await _tokens.UseAsync(token)).ShouldBeNull();
        (await _tokens.UseAndRotateAsync(token)).ShouldBeNull();
    }

    [Fact]
    public async Task Using_a_token_extends_its_lifetime()
    {
        var token = (await IssueAsync()).Token;
        for (var i = 0; i < 3; i++)
        {
            Clock.Advance(TimeSpan.FromDays(7) - TimeSpan.FromSeconds(1));
            (await _tokens.UseAsync(token)).ShouldNotBeNull();
        }

        Clock.Advance(TimeSpan.FromDays(7));
        (await _tokens.UseAsync(token)).ShouldBeNull();
    }

    [Fact]
    public async Task Concurrent_calls_after_expiry_do_not_extend_the_session()
    {
        var token = (await IssueAsync()).Token;
        Clock.Advance(TimeSpan.FromDays(7));

        var late = await Task.WhenAll(
            Enumerable.Range(0, 30).Select(i => Task.Run(() => i % 2 == 0 ? _tokens.UseAsync(token) : _tokens.UseAndRotateAsync(token))));

        late.ShouldAllBe(used => used == null);
        (await _tokens.UseAsync(token)).ShouldBeNull();
    }

    [Fact]
    public async Task Using_a_token_does_not_extend_its_absolute_lifetime()
    {
        var token = (await IssueAsync()).Token;
        for (var i = 0; i < 5; i++)
        {
            Clock.Advance(TimeSpan.FromDays(5));
            token = (await _tokens.UseAndRotateAsync(token)).ShouldNotBeNull().Token;
        }
        Clock.Advance(TimeSpan.FromDays(5) - TimeSpan.FromSeconds(10));
        (await _tokens.UseAsync(token))!.ExpiresIn.ShouldBe(TimeSpan.FromSeconds(10));

        Clock.Advance(TimeSpan.FromSeconds(10));
        (await _tokens.UseAsync(token)).ShouldBeNull();
    }

    [Fact]
    public async Task A_token_rotates_on_the_first_check_and_then_after_a_minute()
    {
        var first = (await IssueAsync()).Token;

        var second = (await _tokens.UseAndRotateAsync(first))!.Token;
        second.ShouldNotBe(first);
        (await _tokens.UseAndRotateAsync(second))!.Token.ShouldBe(second);
        Clock.Advance(TimeSpan.FromSeconds(61));
        (await _tokens.UseAndRotateAsync(second))!.Token.ShouldNotBe(second);
    }

    [Fact]
    public async Task Forty_concurrent_checks_get_the_same_successor()
    {
        var first = await IssueAsync();

        var checks = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => Task.Run(() => _tokens.UseAndRotateAsync(first.Token))));

        var successor = checks.Select(check => check.ShouldNotBeNull().Token).Distinct().ShouldHaveSingleItem();
        (await _tokens.UseAsync(successor)).ShouldNotBeNull();
        (await SessionsOfAsync(first.Email)).ShouldHaveSingleItem().Token.ShouldBe(successor);
    }

    [Fact]
    public async Task A_rotated_token_expires_after_its_grace_period_despite_use()
    {
        var first = (await IssueAsync()).Token;
        var second = (await _tokens.UseAndRotateAsync(first))!.Token;
        for (var i = 0; i < 119; i += 17)
        {
            Clock.Advance(TimeSpan.FromSeconds(17));
            (await _tokens.UseAndRotateAsync(first))!.Token.ShouldBe(second);
            (await _tokens.UseAsync(first)).ShouldNotBeNull("a proxy may cache it for that long");
        }

        Clock.Advance(TimeSpan.FromSeconds(1));
        (await _tokens.UseAndRotateAsync(first)).ShouldBeNull();
        (await _tokens.UseAsync(first)).ShouldBeNull();
        (await _tokens.UseAsync(second)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_rotated_token_stays_valid_for_its_grace_period_when_its_successor_is_rotated()
    {
        var issued = await IssueAsync();
        var second = (await _tokens.UseAndRotateAsync(issued.Token))!.Token;
        Clock.Advance(TimeSpan.FromSeconds(61));
        var third = (await _tokens.UseAndRotateAsync(second))!.Token;
        third.ShouldNotBe(second);

        Clock.Advance(TimeSpan.FromSeconds(58));
        (await _tokens.UseAsync(issued.Token)).ShouldNotBeNull("119 s after its rotation");
        Clock.Advance(TimeSpan.FromSeconds(1));
        (await _tokens.UseAsync(issued.Token)).ShouldBeNull();
        (await _tokens.UseAsync(second)).ShouldNotBeNull();
    }

    [Fact]
    public async Task The_store_keeps_the_tokens_that_are_valid_and_no_others()
    {
        var issued = await IssueAsync();
        var token = issued.Token;
        for (var i = 1; i <= 5; i++)
        {
            token = (await _tokens.UseAndRotateAsync(token))!.Token;
            Clock.Advance(TimeSpan.FromMinutes(3));
        }

        var fields = await store.Stores.Auth.Database.Client.HashKeysAsync("session:" + issued.SessionId);
        fields.Select(field => (string)field!).Where(field => field[0] == 'g').ShouldBe(["g4", "g5"], ignoreOrder: true);
    }

    [Fact]
    public async Task A_use_extends_how_long_the_store_keeps_the_session()
    {
        var issued = await IssueAsync();
        var (database, key) = (store.Stores.Auth.Database, "session:" + issued.SessionId);
        await database.KeyExpireAsync(key, TimeSpan.FromMinutes(1));

        Clock.Advance(TimeSpan.FromHours(1));
        await _tokens.UseAsync(issued.Token);

        (await database.Client.KeyTimeToLiveAsync(key)).ShouldNotBeNull().ShouldBe(TimeSpan.FromDays(7), TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_rotated_token_is_refused_at_once_without_a_grace_period()
    {
        var strict = store.TokenStore(("AUTH_TOKEN_GRACE", "0"), ("AUTH_TOKEN_ROTATE_AFTER", "0"));
        var first = (await strict.IssueAsync(TestUser.New(), "192.0.2.1", "")).Token;

        var second = (await strict.UseAndRotateAsync(first))!.Token;

        (await strict.UseAndRotateAsync(first)).ShouldBeNull();
        (await strict.UseAsync(second)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Revoking_invalidates_the_current_token_and_those_in_their_grace_period()
    {
        var first = await IssueAsync();
        var second = (await _tokens.UseAndRotateAsync(first.Token))!.Token;

        (await _tokens.RevokeAsync(first.SessionId)).ShouldBeTrue();

        foreach (var token in (string[])[first.Token, second])
        {
            (await _tokens.UseAsync(token)).ShouldBeNull();
            (await _tokens.UseAndRotateAsync(token)).ShouldBeNull();
        }
        (await _tokens.RevokeAsync(first.SessionId)).ShouldBeFalse();
        (await SessionsOfAsync(first.Email)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_concurrent_check_does_not_restore_a_revoked_session()
    {
        for (var round = 0; round < 25; round++)
        {
            var issued = await IssueAsync();
            var (sid, token) = (issued.SessionId, issued.Token);

            var checks = Enumerable.Range(0, 6)
                .Select(i => Task.Run(() => i % 2 == 0 ? _tokens.UseAsync(token) : _tokens.UseAndRotateAsync(token))).ToList();
            var revoking = Task.Run(() => _tokens.RevokeAsync(sid));
            var results = await Task.WhenAll(checks);
            (await revoking).ShouldBeTrue();

            foreach (var candidate in results.OfType<LiveToken>().Select(live => live.Token).Append(token).Distinct())
            {
                (await _tokens.UseAsync(candidate)).ShouldBeNull();
                (await _tokens.UseAndRotateAsync(candidate)).ShouldBeNull();
            }
            (await SessionsOfAsync(issued.Email)).ShouldBeEmpty();
        }
        store.Dump().WithoutExpiry.ShouldAllBe(key => s_index.IsMatch(key), "only the indexes, which the cleanup takes care of");
    }

    [Fact]
    public async Task A_check_whose_write_arrives_after_the_revocation_does_not_restore_the_session()
    {
        var issued = await IssueAsync();
        var database = store.Stores.Auth.Database;
        var before = await database.HashGetAllAsync("session:" + issued.SessionId);
        (await _tokens.RevokeAsync(issued.SessionId)).ShouldBeTrue();
        // What a check writes that has read the session before.
        await database.HashSetAsync("session:" + issued.SessionId, [.. before.Where(field => (string)field.Name! is "seen" or "g0")]);

        (await _tokens.UseAsync(issued.Token)).ShouldBeNull();
        (await _tokens.UseAndRotateAsync(issued.Token)).ShouldBeNull();
        (await _tokens.FindAsync(issued.SessionId)).ShouldBeNull();
        (await _tokens.RevokeAsync(issued.SessionId)).ShouldBeFalse();
        await database.KeyDeleteAsync("session:" + issued.SessionId);
    }

    [Fact]
    public async Task A_session_is_stored_in_fields_that_Redis_keeps_compact()
    {
        var agent = new string('x', 399) + "é";
        var issued = await _tokens.IssueAsync(TestUser.New(), "2001:db8:1111:2222:3333:4444:5555:6666", agent);
        await _tokens.UseAndRotateAsync(issued.Token);

        (await _tokens.FindAsync(issued.SessionId)).ShouldNotBeNull().UserAgent.ShouldBe(agent);
        var fields = await store.Stores.Auth.Database.HashGetAllAsync("session:" + issued.SessionId);
        fields.ShouldAllBe(field => ((byte[])field.Value!).Length <= 64);
    }

    [Fact]
    public async Task Sessions_share_one_copy_of_their_user_agent_which_each_use_keeps()
    {
        var agent = "Shared/" + RandomText.New(10);
        var first = await _tokens.IssueAsync(TestUser.New(), "192.0.2.1", agent);
        var second = await _tokens.IssueAsync(TestUser.New(), "192.0.2.1", agent);
        var database = store.Stores.Auth.Database;
        ((string?)await database.StringGetAsync(KeyOf(agent))).ShouldBe(agent);
        await database.KeyExpireAsync(KeyOf(agent), TimeSpan.FromMinutes(1));

        Clock.Advance(TimeSpan.FromHours(1));
        await _tokens.UseAsync(second.Token);

        (await database.Client.KeyTimeToLiveAsync(KeyOf(agent))).ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.FromHours(1));
        await _tokens.RevokeAsync(second.SessionId);
        (await _tokens.FindAsync(first.SessionId)).ShouldNotBeNull().UserAgent.ShouldBe(agent);
    }

    [Fact]
    public async Task A_session_whose_user_agent_was_lost_is_still_listed_and_valid()
    {
        var agent = "Lost/" + RandomText.New(10);
        var issued = await _tokens.IssueAsync(TestUser.New(), "192.0.2.1", agent);
        (await store.Stores.Auth.Database.KeyDeleteAsync(KeyOf(agent))).ShouldBeTrue();

        (await _tokens.FindAsync(issued.SessionId)).ShouldNotBeNull().UserAgent.ShouldBe("");
        (await _tokens.UseAsync(issued.Token)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_rotation_that_a_failover_has_lost_does_not_sign_the_user_out()
    {
        var issued = await IssueAsync();
        var second = (await _tokens.UseAndRotateAsync(issued.Token))!.Token;
        var database = store.Stores.Auth.Database;
        (await database.HashDeleteAsync("session:" + issued.SessionId, "g1")).ShouldBeTrue();

        (await _tokens.UseAsync(second)).ShouldNotBeNull();

        (await database.HashExistsAsync("session:" + issued.SessionId, "g1")).ShouldBeTrue("it is stored again");
        Clock.Advance(TimeSpan.FromMinutes(2));
        (await _tokens.UseAsync(issued.Token)).ShouldBeNull("and begins the grace period of the first token");
        (await _tokens.UseAsync(second)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_rotation_stored_late_does_not_revive_its_token()
    {
        var issued = await IssueAsync();
        var key = "session:" + issued.SessionId;
        var token = issued.Token;
        var database = store.Stores.Auth.Database;
        RedisValue late = default;
        for (var i = 1; i <= 6; i++)
        {
            token = (await _tokens.UseAndRotateAsync(token))!.Token;
            if (i == 1) late = await database.HashGetAsync(key, "g1");
            Clock.Advance(TimeSpan.FromMinutes(3));
        }
        var outdated = await _tokens.UseAsync(issued.Token);
        (await database.HashExistsAsync(key, "g1")).ShouldBeFalse("generations are removed after their grace period");

        // From a process that was suspended for a quarter of an hour.
        await database.HashSetAsync(key, "g1", late);

        outdated.ShouldBeNull();
        (await _tokens.UseAsync(new AuthToken(store.Secret, StoreUnderTest.TokenSettings()).Derive(
            issued.SessionId, (byte[])(await database.HashGetAsync(key, "seed"))!, 1))).ShouldBeNull();
        (await _tokens.UseAsync(token)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_new_secret_key_keeps_current_and_rotated_tokens_valid()
    {
        var issued = await IssueAsync();
        var second = (await _tokens.UseAndRotateAsync(issued.Token))!.Token;
        var changed = store.TokenStore(new AuthSecret("another-secret-0123456789"));

        (await changed.FindAsync(issued.SessionId)).ShouldNotBeNull().Token.ShouldBe("", "it cannot be derived any more");
        var third = (await changed.UseAndRotateAsync(issued.Token)).ShouldNotBeNull().Token;

        third.ShouldNotBe(second);
        (await changed.UseAsync(second)).ShouldNotBeNull();
        (await changed.UseAndRotateAsync(second))!.Token.ShouldBe(third, "both browsers get the same successor");
        (await changed.UseAndRotateAsync(third))!.Token.ShouldBe(third);
        (await changed.FindAsync(issued.SessionId))!.Token.ShouldBe(third);
    }

    [Fact]
    public async Task A_use_is_stored_once_a_minute_or_a_hundredth_of_the_lifetime()
    {
        var brief = store.TokenStore(("AUTH_TOKEN_EXPIRY", "100"));
        foreach (var (tokens, step) in new[] { (_tokens, TimeSpan.FromMinutes(1)), (brief, TimeSpan.FromSeconds(1)) })
        {
            var issued = await tokens.IssueAsync(TestUser.New(), "192.0.2.1", "Tests/1.0");
            var created = Clock.GetUtcNow();
            Clock.Advance(step - TimeSpan.FromMilliseconds(1));
            await tokens.UseAsync(issued.Token);
            (await tokens.FindAsync(issued.SessionId))!.LastSeenAt.ShouldBe(created);
            Clock.Advance(TimeSpan.FromMilliseconds(1));
            await tokens.UseAsync(issued.Token);
            (await tokens.FindAsync(issued.SessionId))!.LastSeenAt.ShouldBe(created + step);
        }
    }

    [Fact]
    public async Task All_sessions_of_an_address_except_one_can_be_revoked()
    {
        var email = TestUser.New();
        var sessions = new[] { await IssueAsync(email), await IssueAsync(email), await IssueAsync(email) };
        var other = await IssueAsync();

        (await _tokens.RevokeAllAsync(email, exceptSid: sessions[1].SessionId)).ShouldBe(2);

        (await _tokens.UseAsync(sessions[0].Token)).ShouldBeNull();
        (await _tokens.UseAsync(sessions[1].Token)).ShouldNotBeNull();
        (await _tokens.UseAsync(sessions[2].Token)).ShouldBeNull();
        (await _tokens.UseAsync(other.Token)).ShouldNotBeNull();
        (await _tokens.RevokeAllAsync(email)).ShouldBe(1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("AAAAAAAAAA")]
    [InlineData("AAAAAAAAAAA")]
    [InlineData("AAAAAAAAA*")]
    public async Task Revoking_an_unknown_session_returns_false(string sid) => (await _tokens.RevokeAsync(sid)).ShouldBeFalse();

    [Fact]
    public async Task The_list_contains_the_current_token_of_a_session()
    {
        var email = TestUser.New();
        var issued = await IssueAsync(email);
        var started = Clock.GetUtcNow();
        Clock.Advance(TimeSpan.FromMinutes(10));
        var rotated = (await _tokens.UseAndRotateAsync(issued.Token))!.Token;

        // The check extends the session in the background.
        Session session = null!;
        await Eventually.BeTrueAsync(async () => (session = (await SessionsOfAsync(email)).Single()).LastSeenAt == started.AddMinutes(10));

        session.ShouldBe(
            new Session(
                issued.SessionId, email, started, started.AddMinutes(10), started.AddMinutes(10).AddDays(7), "192.0.2.1",
                "Tests/1.0", rotated));
        session.ToString().ShouldNotContain(rotated);
    }

    [Fact]
    public async Task The_store_contains_no_usable_tokens()
    {
        var issued = await IssueAsync();
        var rotated = (await _tokens.UseAndRotateAsync(issued.Token))!.Token;

        var dump = store.Dump().Text;

        dump.Contains(issued.Token, StringComparison.Ordinal).ShouldBeFalse();
        dump.Contains(rotated, StringComparison.Ordinal).ShouldBeFalse();
        // The id is the beginning of the token and not a secret.
        dump.Contains(rotated[10..], StringComparison.Ordinal).ShouldBeFalse();
        dump.ShouldContain(issued.SessionId);
        (await _tokens.UseAsync(issued.SessionId)).ShouldBeNull("a session's id is no token");
    }
}
