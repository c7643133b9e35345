using System.Text;
using OtpPortal.Jwt;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Jwt;

/// <summary>
/// Tokens with a valid signature and unexpected content, as written by a later version or with stolen keys.
/// </summary>
public sealed class SignedClaimsTests(RedisUnderTest store) : IClassFixture<RedisUnderTest>
{
    private const string Issuer = "https://login.example.com";
    private const string Audience = "app";

    [Theory]
    [InlineData("""{"iss":"ISSUER","aud":["other","app"],"exp":FUTURE}""")]
    [InlineData("""{"iss":"ISSUER","aud":"app","exp":FUTURE,"nbf":"soon"}""")]
    [InlineData("""{"iss":"ISSUER","aud":"app","exp":FUTURE,"nbf":PAST}""")]
    public async Task Accepts_alternative_claim_formats(string claims) =>
        (await VerifyAsync(claims)).ShouldBeOfType<JwtOutcome.Good>();

    [Theory]
    [InlineData("""["iss"]""", "claims are invalid")]
    [InlineData("not JSON", "claims are invalid")]
    [InlineData("""{"aud":"app","exp":FUTURE}""", "its issuer is wrong")]
    [InlineData("""{"iss":7,"aud":"app","exp":FUTURE}""", "its issuer is wrong")]
    [InlineData("""{"iss":"https://other.example.com","aud":"app","exp":FUTURE}""", "its issuer is wrong")]
    [InlineData("""{"iss":"ISSUER","exp":FUTURE}""", "its audience is wrong")]
    [InlineData("""{"iss":"ISSUER","aud":"other","exp":FUTURE}""", "its audience is wrong")]
    [InlineData("""{"iss":"ISSUER","aud":7,"exp":FUTURE}""", "its audience is wrong")]
    [InlineData("""{"iss":"ISSUER","aud":[7,"other"],"exp":FUTURE}""", "its audience is wrong")]
    [InlineData("""{"iss":"ISSUER","aud":"app"}""", "expired")]
    [InlineData("""{"iss":"ISSUER","aud":"app","exp":"FUTURE"}""", "expired")]
    [InlineData("""{"iss":"ISSUER","aud":"app","exp":1e400}""", "expired")]
    [InlineData("""{"iss":"ISSUER","aud":"app","exp":PAST}""", "expired")]
    [InlineData("""{"iss":"ISSUER","aud":"app","exp":FUTURE,"nbf":FUTURE}""", "not valid yet")]
    public async Task Refuses_missing_or_invalid_claims(string claims, string reason) =>
        (await VerifyAsync(claims)).ShouldBeOfType<JwtOutcome.Bad>().Reason.ShouldContain(reason);

    [Theory]
    [InlineData("""{"alg":"EdDSA","kid":"KID"}""", null)]
    [InlineData("""{"alg":"EdDSA","kid":"KID","typ":"jwt"}""", null)]
    [InlineData("""{"alg":"EdDSA","kid":"KID","typ":"at+jwt"}""", "typ is not JWT")]
    [InlineData("""{"alg":"EdDSA"}""", "has no kid")]
    [InlineData("""{"alg":"EdDSA","kid":7}""", "has no kid")]
    [InlineData("""{"alg":"EdDSA","kid":""}""", "has no kid")]
    [InlineData("""{"alg":"EdDSA","kid":"unknown"}""", "its kid is not a current key")]
    [InlineData("""{"kid":"KID"}""", "alg is not the algorithm of its key")]
    [InlineData("""{"alg":"RS256","kid":"KID"}""", "alg is not the algorithm of its key")]
    public async Task Accepts_only_known_headers(string header, string? reason)
    {
        var outcome = await VerifyAsync("""{"iss":"ISSUER","aud":"app","exp":FUTURE}""", header);

        if (reason is null) outcome.ShouldBeOfType<JwtOutcome.Good>();
        else outcome.ShouldBeOfType<JwtOutcome.Bad>().Reason.ShouldContain(reason);
    }

    private async Task<JwtOutcome> VerifyAsync(string claims, string header = """{"alg":"EdDSA","kid":"KID","typ":"JWT"}""")
    {
        using var ring =
            new KeyRing(store.Stores, store.Secret, JwtAlgorithms.Supported, store.Clock, new CapturedLog().For<KeyRing>());
        var jwts = new JwtService(ring, JwtAlgorithms.Supported, Issuer, store.Clock);
        var key = await ring.SigningAsync(JwtAlgorithms.EdDsa);
        var now = store.Clock.GetUtcNow().ToUnixTimeSeconds();
        claims = claims.Replace("ISSUER", Issuer, StringComparison.Ordinal)
            .Replace("FUTURE", (now + 600).ToString(null, null), StringComparison.Ordinal)
            .Replace("PAST", (now - 600).ToString(null, null), StringComparison.Ordinal);
        var signed = Encode(header.Replace("KID", key.Kid, StringComparison.Ordinal)) + "." + Encode(claims);
        return await jwts.VerifyAsync(signed + "." + JwtText.Encode(key.Key.Sign(Encoding.ASCII.GetBytes(signed))), Audience);
    }

    private static string Encode(string text) => JwtText.Encode(Encoding.UTF8.GetBytes(text));
}
