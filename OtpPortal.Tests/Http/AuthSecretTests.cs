using OtpPortal.Security;

namespace OtpPortal.Tests.Http;

public sealed class AuthSecretTests
{
    private readonly AuthSecret _secret = new("the-secret-of-this-test");

    [Fact]
    public void Only_the_secret_matches()
    {
        _secret.Matches("the-secret-of-this-test").ShouldBeTrue();
        foreach (var other in (string[])["", "the-secret-of-this-tes", "the-secret-of-this-test ", "The-secret-of-this-test"])
            _secret.Matches(other).ShouldBeFalse();
    }

    [Fact]
    public void Derived_keys_differ_by_purpose_and_by_secret()
    {
        var keys = new[] { _secret.DeriveKey("a"), _secret.DeriveKey("b"), new AuthSecret("another").DeriveKey("a") };

        keys.Select(Convert.ToHexString).Distinct().Count().ShouldBe(3);
        keys.ShouldAllBe(key => key.Length == 32);
        _secret.DeriveKey("a").ShouldBe(keys[0], "replicas compute the same value");
    }

    [Fact]
    public void ToString_does_not_reveal_the_secret() => _secret.ToString().ShouldBe("AUTH_SECRET_KEY");
}
