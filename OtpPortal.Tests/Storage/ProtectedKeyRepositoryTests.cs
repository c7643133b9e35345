using System.Xml.Linq;
using OtpPortal.Security;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

public sealed class ProtectedKeyRepositoryOnRedisTests(RedisUnderTest store)
    : ProtectedKeyRepositoryTests(store), IClassFixture<RedisUnderTest>;

public sealed class ProtectedKeyRepositoryEmbeddedTests(EmbeddedUnderTest store)
    : ProtectedKeyRepositoryTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class ProtectedKeyRepositoryOnClusterTests(ClusterUnderTest store)
    : ProtectedKeyRepositoryTests(store), IClassFixture<ClusterUnderTest>;

/// <summary>Tests the encrypted storage of the Data Protection keys.</summary>
public abstract class ProtectedKeyRepositoryTests(StoreUnderTest store)
{
    private static XElement Key(string secret) => new("key", new XAttribute("id", secret.Length), new XElement("value", secret));

    [Fact]
    public void Replicas_share_the_keys()
    {
        new ProtectedKeyRepository(store.Stores.Auth, store.Secret).StoreElement(Key("for everybody"), "key-1");

        new ProtectedKeyRepository(store.Stores.Auth, new AuthSecret(PortalHost.Secret)).GetAllElements().Select(element => element.Value)
            .ShouldContain("for everybody");
    }

    [Fact]
    public void The_store_contains_no_plaintext_keys()
    {
        new ProtectedKeyRepository(store.Stores.Auth, store.Secret).StoreElement(Key("never to be read"), "key-2");

        var dump = store.Dump().Text;

        dump.ShouldContain("key-2");
        dump.ShouldNotContain("never to be read");
        dump.ShouldNotContain("<key");
    }

    [Fact]
    public void Keys_encrypted_with_another_secret_are_skipped()
    {
        var stranger = new ProtectedKeyRepository(store.Stores.Auth, new AuthSecret("another-secret-0123456789"));
        stranger.StoreElement(Key("of a stranger"), "key-3");

        new ProtectedKeyRepository(store.Stores.Auth, store.Secret).GetAllElements().Select(element => element.Value)
            .ShouldNotContain("of a stranger");
        stranger.GetAllElements().Select(element => element.Value).ShouldBe(["of a stranger"]);
    }

    [Fact]
    public void A_key_moved_to_another_name_cannot_be_decrypted()
    {
        var repository = new ProtectedKeyRepository(store.Stores.Auth, store.Secret);
        repository.StoreElement(Key("in its place"), "key-4");
        var database = store.Stores.Auth.Database.Client;

        database.HashSet("dataprotection:keys", "key-5", database.HashGet("dataprotection:keys", "key-4"));

        repository.GetAllElements().Count(element => element.Value == "in its place").ShouldBe(1);
    }

    [Fact]
    public void Keys_without_a_name_are_stored()
    {
        var repository = new ProtectedKeyRepository(store.Stores.Auth, store.Secret);

        repository.StoreElement(Key("nameless one"), "");
        repository.StoreElement(Key("nameless two"), "");

        repository.GetAllElements().Select(element => element.Value).ShouldContain("nameless one");
        repository.GetAllElements().Select(element => element.Value).ShouldContain("nameless two");
    }
}
