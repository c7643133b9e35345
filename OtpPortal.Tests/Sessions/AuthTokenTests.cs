using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Sessions;

public sealed class AuthTokenTests
{
    private static readonly byte[] s_seed = new byte[16];

    private static AuthToken Create(string secret = PortalHost.Secret, int length = 32)
    {
        var values = new Dictionary<string, string> { ["AUTH_SECRET_KEY"] = secret, ["AUTH_TOKEN_LENGTH"] = length.ToString(null, null) };
        return new AuthToken(new AuthSecret(secret), AllSettings.Read(values, false).Tokens);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public void Tokens_begin_with_the_session_id_and_have_the_configured_length(int length)
    {
        var sid = AuthToken.NewSessionId();

        var token = Create(length: length).Derive(sid, s_seed, 0);

        token.Length.ShouldBe(length);
        token.ShouldMatch("^[A-Za-z0-9]+$");
        AuthToken.SessionIdOf(token).ShouldBe(sid);
    }

    [Fact]
    public void Characters_are_uniformly_distributed()
    {
        var tokens = Create(length: 128);
        var sample = string.Concat(Enumerable.Range(0, 500).Select(i => tokens.Derive("AAAAAAAAAA", s_seed, i)[10..]));

        var counts = sample.GroupBy(c => c).ToDictionary(group => group.Key, group => group.Count());
        counts.Count.ShouldBe(62);
        // 952 of each are expected; 6 standard deviations are 184.
        counts.Values.ShouldAllBe(count => count > 767 && count < 1137);
    }

    [Fact]
    public void Session_ids_are_unique() =>
        Enumerable.Range(0, 1000).Select(_ => AuthToken.NewSessionId()).Distinct().Count().ShouldBe(1000);

    [Fact]
    public void A_token_depends_on_the_key_the_session_the_seed_and_the_number_of_rotations()
    {
        var token = Create().Derive("AAAAAAAAAA", s_seed, 1);

        Create().Derive("AAAAAAAAAA", s_seed, 1).ShouldBe(token);
        Create("another-secret-0123456789").Derive("AAAAAAAAAA", s_seed, 1).ShouldNotBe(token);
        Create().Derive("AAAAAAAAAB", s_seed, 1)[10..].ShouldNotBe(token[10..]);
        Create().Derive("AAAAAAAAAA", [.. s_seed[1..], 1], 1).ShouldNotBe(token);
        Create().Derive("AAAAAAAAAA", s_seed, 2).ShouldNotBe(token);
    }

    /// <remarks>Computed with another program. A different result would change the tokens of all sessions at an upgrade.</remarks>
    [Fact]
    public void Tokens_are_the_same_in_every_version() =>
        Create("an-old-secret-0123456789", length: 64).Derive("AAAAAAAAAA", s_seed, 3)
            .ShouldBe("AAAAAAAAAAlM9CewPoVmdIxET2EfY1j1Pu3BTjhV55XKgUfxYVlnFEKXsRNm3K8C");

    [Theory]
    [InlineData("AAAAAAAAA0", true)]
    [InlineData("AAAAAAAAA", false)]
    [InlineData("AAAAAAAAA01", false)]
    [InlineData("AAAAAAAAA-", false)]
    [InlineData("AAAAAAAAAä", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_session_id_has_ten_letters_and_digits(string? text, bool isSessionId) =>
        AuthToken.IsSessionId(text).ShouldBe(isSessionId);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAä")]
    public void Malformed_tokens_have_no_session_id(string? text) => AuthToken.SessionIdOf(text).ShouldBeNull();

    [Fact]
    public void A_token_has_at_most_128_characters()
    {
        AuthToken.SessionIdOf(new string('A', 128)).ShouldBe("AAAAAAAAAA");
        AuthToken.SessionIdOf(new string('A', 129)).ShouldBeNull();
    }
}
