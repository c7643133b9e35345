using OtpPortal.Jwt;
using OtpPortal.Security;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Jwt;

/// <summary>Creation, rotation and publication of the JWT signing keys, on every kind of store.</summary>
public abstract class KeyRingTests(StoreUnderTest store)
{
    private const string Audience = "app";
    private static readonly TimeSpan s_life = TimeSpan.FromHours(1);

    private KeyRing NewRing(JwtAlgorithms? algorithms = null, string? secret = null) =>
        new(store.Stores, secret is null ? store.Secret
            : new AuthSecret(secret), algorithms ?? JwtAlgorithms.Supported, store.Clock, new CapturedLog().For<KeyRing>());

    private JwtService NewJwts(KeyRing ring, JwtAlgorithms? algorithms = null) =>
        new(ring, algorithms ?? JwtAlgorithms.Supported, "https://login.example.com", store.Clock);

    private async Task ClearAsync() => await store.Stores.Auth.Database.KeyDeleteAsync("jwt:keys");

    private static Task<string> CreateAsync(JwtService jwts, string algorithm = JwtAlgorithms.EdDsa) =>
        jwts.CreateAsync(algorithm, Audience, s_life, null, _ => { });

    private static async Task<bool> IsValidAsync(JwtService jwts, string token) =>
        await jwts.VerifyAsync(token, Audience) is JwtOutcome.Good;

    private static string KidOf(string token) => MagicLinks.V2Client.Part(token, 0).GetProperty("kid").GetString()!;

    [Fact]
    public async Task Concurrent_first_starts_create_the_same_keys()
    {
        await ClearAsync();
        var rings = Enumerable.Range(0, 8).Select(_ => NewRing()).ToList();

        await Task.WhenAll(rings.Select(ring => Task.Run(ring.EnsureAsync)));

        var published = await Task.WhenAll(
            rings.Select(async ring => string.Join(' ', (await ring.PublishedAsync()).Select(key => $"{key.Algorithm}={key.Kid}"))));
        published.Distinct().ShouldHaveSingleItem().ShouldMatch("^EdDSA=[A-Za-z0-9]{16} RS256=[A-Za-z0-9]{16}$");
        foreach (var ring in rings) ring.Dispose();
    }

    [Theory]
    [InlineData(JwtAlgorithms.EdDsa)]
    [InlineData(JwtAlgorithms.Rs256)]
    public async Task A_token_signed_by_one_replica_is_valid_on_another(string algorithm)
    {
        using var first = NewRing();
        var token = await CreateAsync(NewJwts(first), algorithm);
        using var second = NewRing();

        (await IsValidAsync(NewJwts(second), token)).ShouldBeTrue();
    }

    [Fact]
    public async Task New_keys_are_published_before_use_and_old_tokens_remain_valid_for_the_overlap()
    {
        await ClearAsync();
        using var ring = NewRing();
        using var other = NewRing();
        var (jwts, replica) = (NewJwts(ring), NewJwts(other));
        var old = await CreateAsync(jwts);
        (await IsValidAsync(replica, old)).ShouldBeTrue();

        var rotation = await ring.RotateAsync(TimeSpan.FromMinutes(20), atOnce: false);

        (await ring.PublishedAsync()).Count.ShouldBe(4);
        rotation.ActiveFrom.ShouldBe(store.Clock.GetUtcNow() + KeyRing.PublishedBefore);
        KidOf(await CreateAsync(jwts)).ShouldBe(KidOf(old), "verifiers do not have the new key yet");
        store.Clock.Advance(TimeSpan.FromSeconds(31));
        (await other.PublishedAsync()).Select(key => key.Kid).ShouldBe((await ring.PublishedAsync()).Select(key => key.Kid));

        store.Clock.Advance(rotation.ActiveFrom - store.Clock.GetUtcNow());
        var newToken = await CreateAsync(replica);
        rotation.NewKids.ShouldContain(KidOf(newToken));
        (await IsValidAsync(jwts, old)).ShouldBeTrue();
        (await IsValidAsync(jwts, newToken)).ShouldBeTrue();

        store.Clock.Advance(TimeSpan.FromMinutes(20) - TimeSpan.FromSeconds(1));
        (await IsValidAsync(jwts, old)).ShouldBeTrue();
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        (await IsValidAsync(jwts, old)).ShouldBeFalse("its key has expired");
        (await IsValidAsync(jwts, newToken)).ShouldBeTrue();
        (await ring.PublishedAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_immediate_rotation_invalidates_all_old_tokens_on_every_replica()
    {
        using var ring = NewRing();
        using var other = NewRing();
        var (jwts, replica) = (NewJwts(ring), NewJwts(other));
        var old = await CreateAsync(jwts);
        await ring.RotateAsync(TimeSpan.FromDays(300), atOnce: false);
        (await IsValidAsync(replica, old)).ShouldBeTrue();

        await ring.RotateAsync(TimeSpan.Zero, atOnce: true);

        (await IsValidAsync(jwts, old)).ShouldBeFalse("although the earlier rotation had a longer grace period");
        var newToken = await CreateAsync(jwts);
        (await IsValidAsync(jwts, newToken)).ShouldBeTrue();
        store.Clock.Advance(TimeSpan.FromSeconds(31));
        (await IsValidAsync(replica, old)).ShouldBeFalse();
        (await IsValidAsync(replica, newToken)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_replica_reloads_the_keys_for_an_unknown_kid()
    {
        using var ring = NewRing();
        using var other = NewRing();
        await other.EnsureAsync();
        store.Clock.Advance(TimeSpan.FromSeconds(6));
        await ring.RotateAsync(TimeSpan.Zero, atOnce: true);

        (await IsValidAsync(NewJwts(other), await CreateAsync(NewJwts(ring)))).ShouldBeTrue();
    }

    [Fact]
    public async Task Concurrent_rotations_do_not_create_conflicting_keys()
    {
        await ClearAsync();
        using var ring = NewRing();
        using var other = NewRing();
        await Task.WhenAll(ring.EnsureAsync(), other.EnsureAsync());

        var rotations = await Task.WhenAll(
            Task.Run(() => ring.RotateAsync(TimeSpan.FromDays(1), false)), Task.Run(() => other.RotateAsync(TimeSpan.FromDays(1), false)));

        var fields = await store.Stores.Auth.Database.Client.HashKeysAsync("jwt:keys");
        rotations.SelectMany(rotation => rotation.NewKids).ShouldAllBe(kid => kid.Length == 16);
        // Sequential rotations may create two generations, but a generation never has two keys of one algorithm.
        fields.Length.ShouldBeOneOf(4, 6, 5);
        (await ring.PublishedAsync()).Select(key => key.Kid).Distinct().Count().ShouldBe(fields.Length);
    }

    [Fact]
    public async Task An_immediate_rotation_wins_over_a_concurrent_rotation_with_overlap()
    {
        for (var round = 0; round < 10; round++)
        {
            await ClearAsync();
            using var ring = NewRing();
            using var other = NewRing();
            await Task.WhenAll(ring.EnsureAsync(), other.EnsureAsync());
            var leaked = (await ring.PublishedAsync()).Select(key => key.Kid).ToList();

            var rotations = await Task.WhenAll(
                Task.Run(() => ring.RotateAsync(TimeSpan.FromDays(1), false)), Task.Run(() => other.RotateAsync(TimeSpan.Zero, true)));

            using var third = NewRing();
            var published = (await third.PublishedAsync()).Select(key => key.Kid).ToList();
            published.ShouldNotContain(kid => leaked.Contains(kid));
            foreach (var kid in rotations[1].NewKids) published.ShouldContain(kid);
        }
    }

    [Fact]
    public async Task A_rotation_deletes_expired_keys()
    {
        await ClearAsync();
        using var ring = NewRing();
        await ring.EnsureAsync();
        await ring.RotateAsync(TimeSpan.Zero, atOnce: true);
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        await ring.RotateAsync(TimeSpan.Zero, atOnce: true);

        (await store.Stores.Auth.Database.Client.HashKeysAsync("jwt:keys")).Select(name => (string)name!).Order(StringComparer.Ordinal)
            .ShouldBe(["EdDSA:3", "RS256:3"]);
    }

    [Fact]
    public async Task The_store_does_not_contain_the_private_keys_in_clear()
    {
        await ClearAsync();
        using var ring = NewRing();
        await ring.EnsureAsync();
        var signing = await ring.SigningAsync(JwtAlgorithms.EdDsa);

        var dump = store.Dump().Entries.Single(entry => entry.Key == "jwt:keys").Content;
        dump.ShouldNotContain(Convert.ToBase64String(signing.Key.Export()));
        dump.ShouldNotContain(signing.Kid);
        dump.ShouldNotContain(System.Text.Encoding.Latin1.GetString(signing.Key.Export()));
    }

    [Fact]
    public async Task Another_secret_uses_separate_keys_and_keeps_the_old_ones()
    {
        await ClearAsync();
        using var ring = NewRing();
        var token = await CreateAsync(NewJwts(ring));
        using var changed = NewRing(secret: "another-secret-of-the-tests-0123");

        (await IsValidAsync(NewJwts(changed), token)).ShouldBeFalse();
        (await IsValidAsync(NewJwts(changed), await CreateAsync(NewJwts(changed)))).ShouldBeTrue();
        using var back = NewRing();
        (await IsValidAsync(NewJwts(back), token)).ShouldBeTrue();
    }

    [Fact]
    public async Task Keys_swapped_in_the_store_are_ignored()
    {
        await ClearAsync();
        using var ring = NewRing();
        await ring.RotateAsync(TimeSpan.FromDays(1), atOnce: false);
        var database = store.Stores.Auth.Database;
        var (first, second) = (await database.HashGetAsync("jwt:keys", "RS256:1"), await database.HashGetAsync("jwt:keys", "RS256:2"));
        await database.HashSetAsync("jwt:keys", [new HashEntry("RS256:1", second), new HashEntry("RS256:2", first)]);

        using var fresh = NewRing();
        await fresh.EnsureAsync();
        (await fresh.PublishedAsync()).Count(key => key.Algorithm == JwtAlgorithms.Rs256)
            .ShouldBe(1, "a new value, because neither ciphertext is bound to this key");
    }

    [Fact]
    public async Task Uses_ES256_when_Ed25519_is_unavailable()
    {
        await ClearAsync();
        var algorithms = JwtAlgorithms.Of(hasEd25519: false);
        using var ring = NewRing(algorithms);
        var jwts = NewJwts(ring, algorithms);

        var token = await CreateAsync(jwts, algorithms.Default);

        (await IsValidAsync(jwts, token)).ShouldBeTrue();
        var keys = await ring.PublishedAsync();
        keys.Select(key => key.Algorithm).ShouldBe(["ES256", "RS256"]);
        keys[0].Key.ToJwk("k").Select(part => part.Key).ShouldBe(["kty", "crv", "x", "y", "alg", "use", "kid"]);
        algorithms.Allowed.ShouldBe("ES256 or RS256; this machine's libcrypto has no Ed25519, so there is no EdDSA");
    }
}

/// <inheritdoc/>
public sealed class KeyRingOnRedisTests(RedisUnderTest store) : KeyRingTests(store), IClassFixture<RedisUnderTest>;

/// <inheritdoc/>
public sealed class KeyRingOnEmbeddedTests(EmbeddedUnderTest store) : KeyRingTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class KeyRingOnClusterTests(ClusterUnderTest store) : KeyRingTests(store), IClassFixture<ClusterUnderTest>;
