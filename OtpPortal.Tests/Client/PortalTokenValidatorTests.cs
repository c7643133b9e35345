using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using OtpPortal.Client;
using OtpPortal.Tests.Infrastructure;
using PortalEd25519 = OtpPortal.Jwt.Ed25519;

namespace OtpPortal.Tests.Client;

/// <summary>Offline validation of JWTs: valid tokens, attacks and the key cache.</summary>
public sealed class PortalTokenValidatorTests : IAsyncLifetime
{
    private static readonly RSA s_rsa = RSA.Create(2048);
    private static readonly ECDsa s_ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly PortalEd25519.Key s_ed = PortalEd25519.Key.FromSeed(PortalEd25519.NewSeed());

    private readonly FakeClock _clock = new();
    private RecordingServer _portal = null!;
    private PortalTokenValidator _validator = null!;

    public async Task InitializeAsync()
    {
        _portal = await RecordingServer.StartAsync();
        Publish(RsaKey("rsa"), EcKey("ec"), EdKey("ed"));
        _validator = NewValidator();
    }

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private PortalTokenValidator NewValidator() => Clients.Validator(_portal.Address, "app", _clock);

    private void Publish(params JsonObject[] keys) =>
        _portal.AlwaysAnswer(
            200, new JsonObject { ["keys"] = new JsonArray([.. keys]) }.ToJsonString(), ("Cache-Control", "public, max-age=300"));

    private static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);

    private static string Text(JsonNode json) => Text(Encoding.UTF8.GetBytes(json.ToJsonString()));

    private static JsonObject RsaKey(string kid, RSA? key = null)
    {
        var parameters = (key ?? s_rsa).ExportParameters(false);
        return new JsonObject
        {
            ["kty"] = "RSA",
            ["kid"] = kid,
            ["use"] = "sig",
            ["alg"] = "RS256",
            ["n"] = Text(parameters.Modulus!),
            ["e"] = Text(parameters.Exponent!),
        };
    }

    private static JsonObject EcKey(string kid)
    {
        var point = s_ec.ExportParameters(false).Q;
        return new JsonObject
        {
            ["kty"] = "EC",
            ["crv"] = "P-256",
            ["kid"] = kid,
            ["use"] = "sig",
            ["alg"] = "ES256",
            ["x"] = Text(point.X!),
            ["y"] = Text(point.Y!),
        };
    }

    private static JsonObject EdKey(string kid) =>
        new() { ["kty"] = "OKP", ["crv"] = "Ed25519", ["kid"] = kid, ["use"] = "sig", ["alg"] = "EdDSA", ["x"] = Text(s_ed.PublicKey) };

    private static JsonObject Header(string alg, string kid) => new() { ["alg"] = alg, ["kid"] = kid, ["typ"] = "JWT" };

    private JsonObject Claims()
    {
        var now = _clock.GetUtcNow().ToUnixTimeSeconds();
        return new JsonObject
        {
            ["iss"] = _portal.Address.GetLeftPart(UriPartial.Authority),
            ["aud"] = new JsonArray("app"),
            ["sub"] = "ann@example.com",
            ["email"] = "ann@example.com",
            ["sid"] = "session",
            ["iat"] = now,
            ["nbf"] = now,
            ["exp"] = now + 300,
            ["jti"] = "1",
        };
    }

    private static string Sign(JsonNode header, JsonNode claims) => SignText(Text(header) + "." + Text(claims), header["alg"]?.ToString());

    private static string SignText(string signed, string? alg)
    {
        var data = Encoding.ASCII.GetBytes(signed);
        return signed + "." + Text(alg switch
        {
            "EdDSA" => s_ed.Sign(data),
            "ES256" => s_ec.SignData(data, HashAlgorithmName.SHA256),
            _ => s_rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        });
    }

    private async Task ShouldBeRefusedAsync(string jwt, string why = "") =>
        (await _validator.ValidateAsync(jwt)).ShouldBeOfType<TokenValidation.Invalid>(jwt).Reason.ShouldContain(why);

    [Theory]
    [InlineData("EdDSA", "ed")]
    [InlineData("RS256", "rsa")]
    [InlineData("ES256", "ec")]
    public async Task A_valid_JWT_is_accepted_after_fetching_the_keys_once(string alg, string kid)
    {
        for (var i = 0; i < 3; i++)
        {
            var good = (await _validator.ValidateAsync(Sign(Header(alg, kid), Claims()))).ShouldBeOfType<TokenValidation.Valid>();
            (good.Email, good.SessionId, good.ExpiresAt).ShouldBe(
                ("ann@example.com", "session", _clock.GetUtcNow() + TimeSpan.FromMinutes(5)));
            good.Claims.GetProperty("jti").GetString().ShouldBe("1");
        }
        _portal.Requests.ShouldHaveSingleItem().Path.ShouldBe("/api/v2/jwks.json");
    }

    [Fact]
    public async Task The_audience_can_be_a_string_or_an_array()
    {
        var claims = Claims();
        claims["aud"] = "app";
        (await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), claims))).ShouldBeOfType<TokenValidation.Valid>();
        claims["aud"] = new JsonArray("other", "app");
        (await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), claims))).ShouldBeOfType<TokenValidation.Valid>();
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("HS256")]
    [InlineData("RS512")]
    [InlineData("")]
    public async Task An_unsupported_alg_is_refused(string alg)
    {
        var signed = Text(Header(alg, "rsa")) + "." + Text(Claims());
        // Algorithm confusion: the public key is used as the HMAC secret.
        var hmac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(s_rsa.ExportSubjectPublicKeyInfoPem()), Encoding.ASCII.GetBytes(signed));

        await ShouldBeRefusedAsync(signed + ".");
        await ShouldBeRefusedAsync(signed + "." + Text(hmac));
        await ShouldBeRefusedAsync(SignText(signed, "RS256"));
    }

    [Fact]
    public async Task An_alg_that_does_not_match_the_key_is_refused()
    {
        await ShouldBeRefusedAsync(Sign(Header("ES256", "rsa"), Claims()), "algorithm");
        await ShouldBeRefusedAsync(Sign(Header("RS256", "ec"), Claims()), "algorithm");
        await ShouldBeRefusedAsync(Sign(Header("EdDSA", "rsa"), Claims()), "algorithm");
        await ShouldBeRefusedAsync(Sign(Header("RS256", "ed"), Claims()), "algorithm");
    }

    [Theory]
    [InlineData("jku")]
    [InlineData("jwk")]
    [InlineData("x5u")]
    [InlineData("x5c")]
    [InlineData("crit")]
    [InlineData("zip")]
    public async Task A_JWT_with_a_key_or_critical_header_parameter_is_refused(string name)
    {
        var header = Header("RS256", "rsa");
        header[name] = name switch { "jwk" => RsaKey("rsa"), "crit" => new JsonArray("b64"), _ => "https://evil.example.org/keys" };

        await ShouldBeRefusedAsync(Sign(header, Claims()), name);
        _portal.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("""{"alg":"RS256","typ":"JWT","kid":"\ud800"}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"\u00ff\"}")]
    public async Task A_header_with_invalid_Unicode_is_refused_without_throwing(string header) =>
        // The byte 0xFF (ÿ in Latin-1) is invalid in UTF-8.
        await ShouldBeRefusedAsync(SignText(Text(Encoding.Latin1.GetBytes(header)) + "." + Text(Claims()), "RS256"), "not a JWT");

    [Theory]
    [InlineData("""{"a":[{"b":"\udc00"}],""")]
    [InlineData("""{"\udc00":1,""")]
    [InlineData("{\"\u00ff\":1,")]
    public async Task Claims_with_invalid_Unicode_are_refused_without_throwing(string beginning)
    {
        var claims = Encoding.Latin1.GetBytes(beginning + Claims().ToJsonString()[1..]);

        await ShouldBeRefusedAsync(SignText(Text(Header("RS256", "rsa")) + "." + Text(claims), "RS256"), "not a JWT");
    }

    [Fact]
    public async Task A_corrupted_token_is_refused_without_throwing()
    {
        var random = new Random(1);
        foreach (var (alg, kid) in ((string, string)[])[("EdDSA", "ed"), ("RS256", "rsa"), ("ES256", "ec")])
        {
            var jwt = Sign(Header(alg, kid), Claims());
            // Skips the last character, because Base64url ignores some of its bits.
            for (var i = 0; i < 200; i++)
            {
                var damaged = jwt.ToCharArray();
                var at = random.Next(jwt.Length - 1);
                damaged[at] = (char)(damaged[at] ^ (1 << random.Next(7)));
                await ShouldBeRefusedAsync(new string(damaged));
            }
        }
    }

    /// <summary>Gets modifications that make valid claims invalid.</summary>
    public static TheoryData<string, string?, string> Changes => new()
    {
        { "iss", "\"https://evil.example.org\"", "The issuer is wrong" },
        { "iss", null, "The issuer is wrong" },
        { "aud", "\"other\"", "The audience is wrong" },
        { "aud", "[]", "The audience is wrong" },
        { "aud", "[[\"app\"]]", "not a JWT" },
        { "aud", "{\"app\":1}", "not a JWT" },
        { "aud", null, "The audience is wrong" },
        { "exp", null, "no expiry" },
        { "exp", "\"soon\"", "not a JWT" },
        { "exp", "1e300", "not a JWT" },
        { "exp", "-1", "expired" },
        { "exp", "0", "expired" },
        { "nbf", null, "no expiry" },
        { "nbf", "9999999999", "not valid yet" },
        { "sub", null, "not for a signed-in user" },
        { "sub", "\"\"", "not for a signed-in user" },
        { "sub", "\"bob@example.com\"", "not for a signed-in user" },
        { "email", null, "not for a signed-in user" },
        { "email", "\"root@example.com\"", "not for a signed-in user" },
        { "email", "[\"ann@example.com\"]", "not for a signed-in user" },
        { "sid", null, "not for a signed-in user" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Missing_or_invalid_claims_are_refused(string name, string? value, string why)
    {
        var claims = Claims();
        if (value is null) claims.Remove(name);
        else claims[name] = JsonNode.Parse(value);

        await ShouldBeRefusedAsync(Sign(Header("RS256", "rsa"), claims), why);
    }

    [Fact]
    public async Task Allows_the_clock_skew_for_nbf_and_exp()
    {
        var jwt = Sign(Header("RS256", "rsa"), Claims());
        var early = Claims();
        early["nbf"] = _clock.GetUtcNow().ToUnixTimeSeconds() + 30;

        (await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), early))).ShouldBeOfType<TokenValidation.Valid>();
        early["nbf"] = _clock.GetUtcNow().ToUnixTimeSeconds() + 31;
        await ShouldBeRefusedAsync(Sign(Header("RS256", "rsa"), early), "not valid yet");

        _clock.Advance(TimeSpan.FromSeconds(329));
        (await _validator.ValidateAsync(jwt)).ShouldBeOfType<TokenValidation.Valid>();
        _clock.Advance(TimeSpan.FromSeconds(1));
        await ShouldBeRefusedAsync(jwt, "expired");
    }

    [Fact]
    public async Task A_JWT_with_a_modified_header_payload_or_signature_is_refused()
    {
        var jwt = Sign(Header("RS256", "rsa"), Claims());
        var parts = jwt.Split('.');
        var claims = Claims();
        claims["sub"] = "root@example.com";
        claims["email"] = "root@example.com";

        await ShouldBeRefusedAsync(string.Join('.', parts[0], Text(claims), parts[2]), "signature");
        await ShouldBeRefusedAsync(string.Join('.', parts[0], parts[1], Text(new byte[256])), "signature");
        await ShouldBeRefusedAsync(string.Join('.', parts[0], parts[1], Text(new byte[1])), "signature");
        await ShouldBeRefusedAsync(string.Join('.', Text(Header("RS256", "rsa")) + "A", parts[1], parts[2]));
        var ec = Sign(Header("ES256", "ec"), Claims());
        await ShouldBeRefusedAsync(ec[..ec.LastIndexOf('.')] + "." + Text(new byte[64]), "signature");
        var ed = Sign(Header("EdDSA", "ed"), Claims());
        await ShouldBeRefusedAsync(ed[..ed.LastIndexOf('.')] + "." + Text(new byte[64]), "signature");
        await ShouldBeRefusedAsync(ed[..ed.LastIndexOf('.')] + "." + Text(new byte[63]), "signature");
        var der = s_ec.SignData(
            Encoding.ASCII.GetBytes(ec[..ec.LastIndexOf('.')]), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        await ShouldBeRefusedAsync(ec[..ec.LastIndexOf('.')] + "." + Text(der), "signature");
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("a.b")]
    [InlineData("..")]
    [InlineData("a.b.c.d.e")]
    [InlineData("e30.e30.e30")]
    [InlineData("e30=.e30=.e30=")]
    [InlineData("e3 0.e30.e30")]
    [InlineData("bnVsbA.bnVsbA.AAAA")]
    [InlineData("W10.W10.AAAA")]
    [InlineData("{}.{}.AAAA")]
    public async Task Text_that_is_not_a_JWT_is_refused(string text) => await ShouldBeRefusedAsync(text);

    [Fact]
    public async Task Duplicate_claims_and_oversized_tokens_are_refused()
    {
        var claims = Claims().ToJsonString();
        var doubled = Text(Encoding.UTF8.GetBytes(claims[..^1] + ",\"email\":\"root@example.com\"}"));
        await ShouldBeRefusedAsync(SignText(Text(Header("RS256", "rsa")) + "." + doubled, "RS256"), "not a JWT");
        await ShouldBeRefusedAsync(Sign(Header("RS256", "rsa"), Claims()) + new string('A', 20_000), "not a JWT");
    }

    [Fact]
    public async Task A_JWT_with_another_typ_or_without_a_kid_is_refused()
    {
        var other = Header("RS256", "rsa");
        other["typ"] = "at+jwt";
        await ShouldBeRefusedAsync(Sign(other, Claims()), "typ is not JWT");
        var nameless = Header("RS256", "rsa");
        nameless.Remove("kid");
        await ShouldBeRefusedAsync(Sign(nameless, Claims()), "kid");
    }

    [Fact]
    public async Task Weak_broken_and_non_signing_keys_are_ignored()
    {
        using var weak = RSA.Create(1024);
        var encryption = RsaKey("encryption");
        encryption["use"] = "enc";
        var other = RsaKey("other");
        other["alg"] = "RS512";
        var broken = EcKey("broken");
        broken["x"] = Text(new byte[32]);
        var shortEd = EdKey("short");
        shortEd["x"] = Text(new byte[31]);
        var otherCurve = EdKey("x25519");
        otherCurve["crv"] = "X25519";
        Publish(
            RsaKey("weak", weak), encryption, other, broken, shortEd, otherCurve,
            new JsonObject { ["kty"] = "oct", ["kid"] = "oct", ["k"] = "c2VjcmV0" }, RsaKey("rsa"));

        foreach (var kid in (string[])["weak", "encryption", "other", "oct"])
        {
            await ShouldBeRefusedAsync(Sign(Header("RS256", kid), Claims()), "not a key of the portal");
        }
        await ShouldBeRefusedAsync(Sign(Header("ES256", "broken"), Claims()), "not a key of the portal");
        foreach (var kid in (string[])["short", "x25519"])
        {
            await ShouldBeRefusedAsync(Sign(Header("EdDSA", kid), Claims()), "not a key of the portal");
        }
        (await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims())))
            .ShouldBeOfType<TokenValidation.Valid>("the others are good all the same");
    }

    [Fact]
    public async Task An_unknown_kid_refetches_the_keys_at_most_every_30_seconds()
    {
        await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()));
        Publish(RsaKey("rsa"), RsaKey("new"));

        for (var i = 0; i < 20; i++) await ShouldBeRefusedAsync(Sign(Header("RS256", $"made-up-{i}"), Claims()), "not a key of the portal");
        _portal.Requests.Count.ShouldBe(1);
        _clock.Advance(TimeSpan.FromSeconds(30));
        (await _validator.ValidateAsync(Sign(Header("RS256", "new"), Claims()))).ShouldBeOfType<TokenValidation.Valid>();
        for (var i = 0; i < 20; i++) await ShouldBeRefusedAsync(Sign(Header("RS256", $"made-up-{i}"), Claims()), "not a key of the portal");
        _portal.Requests.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_withdrawn_key_is_accepted_until_max_age_expires()
    {
        await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()));
        Publish(EcKey("ec"));

        _clock.Advance(TimeSpan.FromSeconds(299));
        (await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()))).ShouldBeOfType<TokenValidation.Valid>();
        _clock.Advance(TimeSpan.FromSeconds(1));
        await ShouldBeRefusedAsync(Sign(Header("RS256", "rsa"), Claims()), "not a key of the portal");
    }

    [Fact]
    public async Task Cached_keys_are_used_for_one_more_hour_while_the_portal_is_unreachable()
    {
        await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()));
        _portal.AlwaysAnswer(503, "");

        _clock.Advance(TimeSpan.FromMinutes(64));
        (await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()))).ShouldBeOfType<TokenValidation.Valid>();
        for (var i = 0; i < 10; i++) await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()));
        _portal.Requests.Count.ShouldBe(2, "no request waits for a portal that was just unavailable");
        await Should.ThrowAsync<OtpPortalException>(() => _validator.ValidateAsync(Sign(Header("RS256", "unknown"), Claims())));
        _clock.Advance(TimeSpan.FromMinutes(1));
        await Should.ThrowAsync<OtpPortalException>(() => _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims())));

        Publish(RsaKey("rsa"));
        _clock.Advance(TimeSpan.FromSeconds(5));
        (await _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()))).ShouldBeOfType<TokenValidation.Valid>();
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"keys\":{}}")]
    [InlineData("{\"keys\":[]}")]
    [InlineData("<html>")]
    public async Task Throws_when_the_key_set_is_invalid_or_empty(string body)
    {
        _portal.AlwaysAnswer(200, body);

        await Should.ThrowAsync<OtpPortalException>(() => _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims())));
    }

    [Fact]
    public async Task Concurrent_validations_fetch_the_keys_once()
    {
        var hold = new TaskCompletionSource();
        var answer = _portal.Handle;
        _portal.Handle = async context =>
        {
            await hold.Task;
            await answer(context);
        };

        var all = Enumerable.Range(0, 20).Select(_ => _validator.ValidateAsync(Sign(Header("RS256", "rsa"), Claims()))).ToList();
        await Eventually.BeTrueAsync(() => _portal.Requests.Count > 0);
        hold.SetResult();

        (await Task.WhenAll(all)).ShouldAllBe(outcome => outcome is TokenValidation.Valid);
        _portal.Requests.Count.ShouldBe(1);
    }
}
