using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

public sealed class AuthTokenTests
{
    private static AuthToken Make(string secret = PortalHost.Secret, int length = 32)
    {
        var values = new Dictionary<string, string> { ["AUTH_SECRET_KEY"] = secret, ["AUTH_TOKEN_LENGTH"] = length.ToString(null, null) };
        return new AuthToken(new AuthSecret(secret), AllSettings.Read(values, false).Tokens);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public void Tokens_are_alphanumeric_and_have_the_configured_length(int length)
    {
        var tokens = Make(length: length);
        var token = tokens.New();

        foreach (var text in (string[])[token, tokens.SuccessorOf(token)])
        {
            text.Length.ShouldBe(length);
            text.ShouldMatch("^[A-Za-z0-9]+$");
            AuthToken.IsWellFormed(text).ShouldBeTrue();
        }
    }

    [Fact]
    public void Characters_are_uniformly_distributed()
    {
        var tokens = Make(length: 128);
        var text = string.Concat(Enumerable.Range(0, 500).Select(_ => tokens.New()));
        var token = tokens.New();
        var successors = string.Concat(Enumerable.Range(0, 500).Select(_ => token = tokens.SuccessorOf(token)));

        foreach (var sample in (string[])[text, successors])
        {
            var counts = sample.GroupBy(c => c).ToDictionary(group => group.Key, group => group.Count());
            counts.Count.ShouldBe(62);
            // 1032 of each are expected; 6 standard deviations are 191.
            counts.Values.ShouldAllBe(count => count > 841 && count < 1223);
        }
    }

    [Fact]
    public void Tokens_are_unique() => Enumerable.Range(0, 1000).Select(_ => Make().New()).Distinct().Count().ShouldBe(1000);

    [Fact]
    public void The_successor_depends_only_on_the_token_and_the_secret()
    {
        var token = Make().New();

        Make().SuccessorOf(token).ShouldBe(Make().SuccessorOf(token));
        Make().SuccessorOf(token).ShouldNotBe(token);
        Make("another-secret-0123456789").SuccessorOf(token).ShouldNotBe(Make().SuccessorOf(token));
        Make().SuccessorOf(Make().New()).ShouldNotBe(Make().SuccessorOf(token));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAA-")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAä")]
    public void Malformed_tokens_are_not_well_formed(string? text) => AuthToken.IsWellFormed(text).ShouldBeFalse();
}
