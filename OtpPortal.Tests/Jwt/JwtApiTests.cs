using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Jwt;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Jwt;

/// <summary>Creating and validating JWTs through <c>/api/v2/jwt</c>, including known forgeries.</summary>
public sealed class JwtApiTests(V2Portal v2) : IClassFixture<V2Portal>
{
    private async Task<JsonElement[]> KeysAsync() =>
        [.. (await v2.Host.NewApiClient().GetAsync("/api/v2/jwks.json")).Json.GetProperty("keys").EnumerateArray()];

    private static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private static string WithHeader(string jwt, Action<JsonObject> change)
    {
        var parts = jwt.Split('.');
        var header = JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]))!.AsObject();
        change(header);
        return $"{Encode(header.ToJsonString())}.{parts[1]}.{parts[2]}";
    }

    private static void ShouldBeRefused(Answer answer, string reason)
    {
        ServiceAccountTests.ShouldBeFailure(answer, 422);
        answer.Json.GetProperty("message").GetString()!.ShouldContain(reason);
    }

    [Theory]
    [InlineData("""{"alg":"EdDSA","typ":"JWT","kid":"\ud800"}""")]
    [InlineData("""{"alg":"\udc00","typ":"JWT","kid":"x"}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("{\"alg\":\"EdDSA\",\"kid\":\"\u00ff\"}")]
    [InlineData("{\"\u00ff\":1}")]
    public async Task A_header_with_invalid_Unicode_is_refused(string header)
    {
        var jwt = await v2.Admin.NewJwtAsync(new { });
        // The byte 0xFF (ÿ in Latin-1) is invalid in UTF-8.
        var forged = Base64Url.EncodeToString(Encoding.Latin1.GetBytes(header)) + jwt[jwt.IndexOf('.', StringComparison.Ordinal)..];

        ShouldBeRefused(await v2.Admin.ValidateJwtAsync(forged), "header");
    }

    [Theory]
    [InlineData("EdDSA", 1020)]
    [InlineData("RS256", 1020)]
    public async Task A_token_with_claims_of_the_maximum_length_can_be_validated(string alg, int emojis)
    {
        // Each emoji takes four bytes in UTF-8 and twelve when escaped.
        var body = """{"jwtCreateParams":{"alg":"ALG","claims":{"e":"EMOJIS"}}}"""
            .Replace("ALG", alg, StringComparison.Ordinal)
            .Replace("EMOJIS", string.Concat(Enumerable.Repeat("😀", emojis)), StringComparison.Ordinal);
        var answer = await v2.Admin.SendAsync("jwt/create", new StringContent(body, Encoding.UTF8, "application/json"));
        answer.Status.ShouldBe(201, answer.Body);

        (await v2.Admin.ValidateJwtAsync(answer.Json.GetProperty("jwtCreateResults").GetProperty("jwt").GetString()!)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("", "EdDSA")]
    [InlineData("EdDSA", "EdDSA")]
    [InlineData("RS256", "RS256")]
    public async Task A_token_contains_the_requested_and_the_registered_claims(string alg, string expected)
    {
        var app = await v2.NewAccountAsync();

        var jwt = await app.NewJwtAsync(
            new
            {
                alg,
                claims = new { email = "ann@example.com", roles = new[] { "a", "b" }, nested = new { deep = true }, emoji = "😀<>\"" },
                lifespanSeconds = 60,
            });

        var header = V2Client.Part(jwt, 0);
        header.GetProperty("alg").GetString().ShouldBe(expected);
        header.GetProperty("typ").GetString().ShouldBe("JWT");
        (await KeysAsync())
            .ShouldContain(key => key.GetProperty("kid").GetString() == header.GetProperty("kid").GetString()
                && key.GetProperty("alg").GetString() == expected);
        var answer = await app.ValidateJwtAsync(jwt);
        answer.Status.ShouldBe(200, answer.Body);
        var claims = answer.Json.GetProperty("jwtValidateResults").GetProperty("claims");
        claims.ToString().ShouldBe(V2Client.Part(jwt, 1).ToString());
        var now = v2.Host.Clock.GetUtcNow().ToUnixTimeSeconds();
        claims.GetProperty("iss").GetString().ShouldBe(v2.Host.Address.GetLeftPart(UriPartial.Authority));
        claims.GetProperty("aud").EnumerateArray().Select(aud => aud.GetString()).ShouldBe([app.Audience]);
        (claims.GetProperty("iat").GetInt64(), claims.GetProperty("nbf").GetInt64(), claims.GetProperty("exp").GetInt64())
            .ShouldBe((now, now, now + 60));
        Guid.TryParse(claims.GetProperty("jti").GetString(), out _).ShouldBeTrue();
        claims.TryGetProperty("sub", out _).ShouldBeFalse();
        claims.GetProperty("emoji").GetString().ShouldBe("😀<>\"");
        claims.GetProperty("nested").GetProperty("deep").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_token_expires_after_its_lifespan()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting);
        var app = new V2Client(portal, V2Portal.AdminKey);
        var (jwt, ages) = (await app.NewJwtAsync(new { lifespanSeconds = 5 }), await app.NewJwtAsync(new { lifespanSeconds = 7905600000 }));
        portal.Clock.Advance(TimeSpan.FromSeconds(4));
        (await app.ValidateJwtAsync(jwt)).Status.ShouldBe(200);
        portal.Clock.Advance(TimeSpan.FromSeconds(1));

        ShouldBeRefused(await app.ValidateJwtAsync(jwt), "expired");
        portal.Clock.Advance(TimeSpan.FromDays(250 * 365));
        (await app.ValidateJwtAsync(ages)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_token_of_another_account_is_refused()
    {
        var (mine, theirs) = (await v2.NewAccountAsync(), await v2.NewAccountAsync());

        ShouldBeRefused(await mine.ValidateJwtAsync(await theirs.NewJwtAsync(new { })), "its audience is wrong");
    }

    [Fact]
    public async Task A_token_of_another_portal_with_the_same_keys_is_refused()
    {
        // The same stores and secret, but another PUBLIC_URL.
        await using var replica = await v2.Host.StartReplicaAsync(("PUBLIC_URL", "https://other.example.com"));
        var theirs = new V2Client(replica, V2Portal.AdminKey);

        ShouldBeRefused(await v2.Admin.ValidateJwtAsync(await theirs.NewJwtAsync(new { })), "its issuer is wrong");
    }

    [Fact]
    public async Task An_unsigned_token_or_one_signed_with_the_public_key_as_HMAC_secret_is_refused()
    {
        var app = await v2.NewAccountAsync();
        foreach (var alg in (string[])["EdDSA", "RS256"])
        {
            var jwt = await app.NewJwtAsync(new { alg });
            var parts = jwt.Split('.');
            var key = (await KeysAsync()).Single(key => key.GetProperty("alg").GetString() == alg);
            foreach (var none in (string[])["none", "None", "NONE", ""])
            {
                var header = WithHeader(jwt, header => header["alg"] = none).Split('.')[0];
                ShouldBeRefused(await app.ValidateJwtAsync($"{header}.{parts[1]}."), "algorithm");
                ShouldBeRefused(await app.ValidateJwtAsync($"{header}.{parts[1]}.{parts[2]}"), "algorithm");
            }
            // Algorithm confusion: HS256 with an encoding of the public key as the secret.
            byte[][] secrets = alg == "RS256" ? [.. PublicForms(key)]
                : [Base64Url.DecodeFromChars(key.GetProperty("x").GetString()!), Encoding.UTF8.GetBytes(key.ToString())];
            var hs = WithHeader(jwt, header => header["alg"] = "HS256").Split('.')[0];
            foreach (var secret in secrets)
            {
                var signature = Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes($"{hs}.{parts[1]}")));
                ShouldBeRefused(await app.ValidateJwtAsync($"{hs}.{parts[1]}.{signature}"), "algorithm");
            }
            ShouldBeRefused(
                await app.ValidateJwtAsync(WithHeader(jwt, header => header["alg"] = alg == "RS256" ? "EdDSA" : "RS256")), "algorithm");
            ShouldBeRefused(await app.ValidateJwtAsync(WithHeader(jwt, header => header.Remove("alg"))), "algorithm");
        }
    }

    [Fact]
    public async Task A_key_in_the_token_header_is_not_trusted()
    {
        var app = await v2.NewAccountAsync();
        var jwt = await app.NewJwtAsync(new { alg = "RS256" });
        using var rsa = RSA.Create(2048);
        var own = rsa.ExportParameters(false);
        var jwk = new JsonObject
        {
            ["kty"] = "RSA",
            ["n"] = Base64Url.EncodeToString(own.Modulus),
            ["e"] = Base64Url.EncodeToString(own.Exponent),
        };

        string Forge(Action<JsonObject> change)
        {
            var unsigned = WithHeader(jwt, change);
            unsigned = unsigned[..unsigned.LastIndexOf('.')];
            return unsigned + "." + Base64Url.EncodeToString(
                rsa.SignData(Encoding.ASCII.GetBytes(unsigned), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        }

        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["jwk"] = jwk)), "jwk");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["jku"] = "https://evil.example/jwks.json")), "jku");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["x5u"] = "https://evil.example/cert.pem")), "x5u");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["x5c"] = new JsonArray("AAAA"))), "x5c");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["crit"] = new JsonArray("exp"))), "crit");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(_ => { })), "signature");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["kid"] = "evil")), "kid");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header.Remove("kid"))), "kid");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["kid"] = 5)), "kid");
        ShouldBeRefused(await app.ValidateJwtAsync(Forge(header => header["typ"] = "at+jwt")), "typ");
        // The same headers are refused on a token that the portal signed. Nothing is fetched, or the outbound guard fails the test.
        ShouldBeRefused(await app.ValidateJwtAsync(WithHeader(jwt, header => header["jku"] = "https://evil.example/")), "jku");
    }

    [Fact]
    public async Task A_modified_token_is_refused()
    {
        var app = await v2.NewAccountAsync();
        foreach (var alg in (string[])["EdDSA", "RS256"])
        {
            var jwt = await app.NewJwtAsync(new { alg, claims = new { admin = false } });
            var parts = jwt.Split('.');
            var richer = Encode(
                Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[1]))
                    .Replace("\"admin\":false", "\"admin\":true", StringComparison.Ordinal));
            ShouldBeRefused(await app.ValidateJwtAsync($"{parts[0]}.{richer}.{parts[2]}"), "signature");
            // Modifies characters across the signature, including the last one with its unused bits.
            foreach (var i in Enumerable.Range(0, parts[2].Length).Where(i => i % 9 == 0 || i == parts[2].Length - 1))
            {
                var other = parts[2][i] == 'A' ? 'B' : 'A';
                ShouldBeRefused(
                    await app.ValidateJwtAsync($"{parts[0]}.{parts[1]}.{parts[2][..i]}{other}{parts[2][(i + 1)..]}"), "signature");
            }
            foreach (var other in (string[])[
                jwt + "=", jwt + " ", " " + jwt, jwt + ".", jwt + ".x", parts[0] + "." + parts[1], parts[1], "..",
                $"{parts[0]}=.{parts[1]}.{parts[2]}"])
            {
                (await app.ValidateJwtAsync(other)).Status.ShouldBe(422, other);
            }
        }
    }

    [Fact]
    public async Task Text_that_is_not_a_JWT_is_refused_with_a_reason()
    {
        ShouldBeRefused(await v2.Admin.ValidateJwtAsync("nonsense"), "three parts");
        ShouldBeRefused(await v2.Admin.ValidateJwtAsync("a.b.c"), "header");
        ShouldBeRefused(await v2.Admin.ValidateJwtAsync($"{Encode("[]")}.e30.AA"), "header");
        ShouldBeRefused(await v2.Admin.ValidateJwtAsync($"{Encode("{\"alg\":\"EdDSA\",\"alg\":\"none\"}")}.e30.AA"), "header");
        ShouldBeRefused(await v2.Admin.ValidateJwtAsync(new string('a', 30_000)), "too long");
    }

    [Fact]
    public async Task Publishes_the_public_keys_only()
    {
        var answer = await v2.Host.NewApiClient().GetAsync("/api/v2/jwks.json");

        answer.Status.ShouldBe(200);
        answer.Header("Cache-Control").ShouldBe("public, max-age=300");
        answer.Header("Access-Control-Allow-Origin").ShouldBe("*");
        answer.ContentType.ShouldStartWith("application/json");
        var keys = await KeysAsync();
        keys.Select(key => string.Join(' ', key.EnumerateObject().Select(part => part.Name)))
            .ShouldBe(["kty crv x alg use kid", "kty n e alg use kid"]);
        keys.Select(key => key.GetProperty("alg").GetString()).ShouldBe(["EdDSA", "RS256"]);
        keys.ShouldAllBe(key => key.GetProperty("use").GetString() == "sig");
    }

    [Fact]
    public async Task Without_Ed25519_ES256_is_the_default_and_EdDSA_is_refused()
    {
        await using var portal = await PortalHost.StartWithAsync(
            builder => builder.Services.AddSingleton(JwtAlgorithms.Of(hasEd25519: false)), null, V2Portal.Setting);
        var app = new V2Client(portal, V2Portal.AdminKey);

        var jwt = await app.NewJwtAsync(new { });
        var refused = await app.PostAsync("jwt/create", new { jwtCreateParams = new { alg = "EdDSA" } });

        V2Client.Part(jwt, 0).GetProperty("alg").GetString().ShouldBe("ES256");
        (await app.ValidateJwtAsync(jwt)).Status.ShouldBe(200);
        refused.Json.GetProperty("message").GetString()
            .ShouldBe("jwtCreateParams.alg must be ES256 or RS256; this machine's libcrypto has no Ed25519, so there is no EdDSA.");
        (await portal.NewApiClient().GetAsync("/api/v2/jwks.json")).Json.GetProperty("keys").EnumerateArray()
            .Select(key => key.GetProperty("alg").GetString()).ShouldBe(["ES256", "RS256"]);
    }

    private static IEnumerable<byte[]> PublicForms(JsonElement key)
    {
        using var rsa = RSA.Create(
            new RSAParameters
            {
                Modulus = Base64Url.DecodeFromChars(key.GetProperty("n").GetString()!),
                Exponent = Base64Url.DecodeFromChars(key.GetProperty("e").GetString()!),
            });
        yield return rsa.ExportSubjectPublicKeyInfo();
        yield return Encoding.UTF8.GetBytes(rsa.ExportSubjectPublicKeyInfoPem());
        yield return Encoding.UTF8.GetBytes(rsa.ExportSubjectPublicKeyInfoPem() + "\n");
        yield return Encoding.UTF8.GetBytes(key.ToString());
    }
}
