using System.Buffers.Text;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Jwt;

/// <summary>APIs that validate the portal's JWTs with ASP.NET Core's <c>AddJwtBearer</c>.</summary>
public sealed class JwtBearerTests : IAsyncLifetime
{
    private const string Audience = "app";

    private readonly string _email = TestUser.New();
    private PortalHost _portal = null!;
    private ApiWithJwtBearer _api = null!;
    private string _session = null!;
    private string _expired = null!;

    // AddJwtBearer uses the system time, so the portal's clock is set to it.
    public async Task InitializeAsync()
    {
        _portal = await PortalHost.StartAsync(("TOKEN_AUDIENCE", Audience));
        _portal.Clock.Advance(DateTimeOffset.UtcNow - TimeSpan.FromHours(1) - _portal.Clock.GetUtcNow());
        _session = (await _portal.SignInAsync(_email)).Cookies["auth_token"];
        _expired = await JwtAsync(_portal);
        _portal.Clock.Advance(DateTimeOffset.UtcNow - _portal.Clock.GetUtcNow());
        _api = await ApiWithJwtBearer.StartAsync(_portal.Address, Audience);
    }

    public async Task DisposeAsync()
    {
        await _api.DisposeAsync();
        await _portal.DisposeAsync();
    }

    private async Task<string> JwtAsync(PortalHost portal, string query = "?alg=RS256") =>
        TokenOf(await portal.NewApiClient().GetAsync("/token" + query, ("Authorization", "Bearer " + _session)));

    private static string TokenOf(Answer answer) => answer.Json.GetProperty("token").GetString()!;

    private static JsonObject Part(string jwt, int index) => JsonNode.Parse(Base64Url.DecodeFromChars(jwt.Split('.')[index]))!.AsObject();

    private static string Text(JsonNode json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json.ToJsonString()));

    [Fact]
    public async Task A_valid_token_is_accepted() => await _api.ShouldAcceptAsync(await JwtAsync(_portal), _email);

    [Fact]
    public async Task A_tampered_token_is_refused()
    {
        var jwt = await JwtAsync(_portal);
        var parts = jwt.Split('.');
        var claims = Part(jwt, 1);
        claims["sub"] = "root@example.com";
        var header = Part(jwt, 0);
        header["alg"] = "none";

        await _api.ShouldRefuseAsync($"{parts[0]}.{Text(claims)}.{parts[2]}", "The signature is invalid");
        await _api.ShouldRefuseAsync($"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(new byte[256])}", "The signature is invalid");
        await _api.ShouldRefuseAsync($"{Text(header)}.{parts[1]}.", "invalid_token");
        await _api.ShouldRefuseAsync($"{Text(header)}.{parts[1]}.{parts[2]}", "invalid_token");
    }

    [Fact]
    public async Task A_token_signed_with_the_public_key_as_HMAC_secret_is_refused()
    {
        var jwt = await JwtAsync(_portal);
        var jwks = (await _portal.NewApiClient().GetAsync("/api/v2/jwks.json")).Json.GetProperty("keys").EnumerateArray();
        var rsa = jwks.Single(key => key.GetProperty("kty").GetString() == "RSA");
        var modulus = Base64Url.DecodeFromChars(rsa.GetProperty("n").GetString()!);
        var header = Part(jwt, 0);
        header["alg"] = "HS256";
        var signed = Text(header) + "." + jwt.Split('.')[1];
        var hmac = HMACSHA256.HashData(modulus, Encoding.ASCII.GetBytes(signed));

        await _api.ShouldRefuseAsync(signed + "." + Base64Url.EncodeToString(hmac), "invalid_token");
    }

    [Fact]
    public async Task An_expired_token_is_refused() => await _api.ShouldRefuseAsync(_expired, "The token expired at");

    [Fact]
    public async Task A_token_for_another_audience_is_refused()
    {
        await using var other = await _portal.StartReplicaAsync(("TOKEN_AUDIENCE", "another"));

        await _api.ShouldRefuseAsync(await JwtAsync(other), "The audience");
    }

    [Fact]
    public async Task A_token_of_another_issuer_with_the_same_keys_is_refused()
    {
        await using var other = await _portal.StartReplicaAsync(("PUBLIC_URL", "http://localhost:1"));

        await _api.ShouldRefuseAsync(await JwtAsync(other), "The issuer 'http://localhost:1' is invalid");
    }

    [Fact]
    public async Task A_token_signed_with_unknown_keys_for_this_issuer_is_refused()
    {
        await using var other = await PortalHost.StartAsync(
            ("TOKEN_AUDIENCE", Audience), ("PUBLIC_URL", _portal.Address.GetLeftPart(UriPartial.Authority)));
        other.Clock.Advance(DateTimeOffset.UtcNow - other.Clock.GetUtcNow());
        var browser = await other.SignInAsync(TestUser.New());

        await _api.ShouldRefuseAsync(TokenOf(await browser.GetAsync("/token?alg=RS256")), "The signature key was not found");
    }

    [Fact]
    public async Task Ed25519_keys_are_skipped_and_their_tokens_are_refused()
    {
        (await _portal.NewApiClient().GetAsync("/api/v2/jwks.json")).Json.GetProperty("keys").EnumerateArray()
            .Select(key => key.GetProperty("kty").GetString()).ShouldBe(["OKP", "RSA"]);

        await _api.ShouldRefuseAsync(await JwtAsync(_portal, ""), "The signature key was not found");
        await _api.ShouldAcceptAsync(await JwtAsync(_portal), _email);
    }

    [Fact]
    public async Task A_rotated_key_is_found_without_a_restart()
    {
        await _api.ShouldAcceptAsync(await JwtAsync(_portal), _email);
        (await _portal.NewApiClient().SendAsync(
            HttpMethod.Post, "/signing-keys/rotate?now=true", null, ("Authorization", "Bearer " + PortalHost.Secret))).Status.ShouldBe(200);

        var jwt = await JwtAsync(_portal);

        // The library may fetch the new keys in the background, after it has refused the first token.
        await Eventually.BeTrueAsync(async () => (await _api.AskAsync(jwt)).Status == 200);
    }

    [Fact]
    public async Task The_discovery_document_contains_only_supported_features()
    {
        var answer = await _portal.NewApiClient().GetAsync("/.well-known/openid-configuration");
        var issuer = _portal.Address.GetLeftPart(UriPartial.Authority);

        answer.Status.ShouldBe(200);
        answer.ContentType.ShouldStartWith("application/json");
        (answer.Header("Cache-Control"), answer.Header("Access-Control-Allow-Origin")).ShouldBe(("public, max-age=300", "*"));
        answer.Body.ShouldBe(
            $$"""{"issuer":"{{issuer}}","jwks_uri":"{{issuer}}/api/v2/jwks.json","subject_types_supported":["public"],"""
            + """
              "id_token_signing_alg_values_supported":["EdDSA","RS256"]}
              """);
        Part(await JwtAsync(_portal), 1)["iss"]!.GetValue<string>().ShouldBe(issuer);
        Part(await JwtAsync(_portal, ""), 1)["iss"]!.GetValue<string>().ShouldBe(issuer);
        (await _portal.NewApiClient().SendAsync(HttpMethod.Head, "/.well-known/openid-configuration", null)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("https://LOGIN.example.com:443/", "https://login.example.com")]
    [InlineData("https://login.example.com:8443", "https://login.example.com:8443")]
    public async Task The_issuer_is_the_origin_of_PUBLIC_URL(string publicUrl, string issuer)
    {
        await using var other = await _portal.StartReplicaAsync(("PUBLIC_URL", publicUrl));

        var document = (await other.NewApiClient().GetAsync("/.well-known/openid-configuration")).Json;

        document.GetProperty("issuer").GetString().ShouldBe(issuer);
        document.GetProperty("jwks_uri").GetString().ShouldBe(issuer + "/api/v2/jwks.json");
        Part(await JwtAsync(other), 1)["iss"]!.GetValue<string>().ShouldBe(issuer);
    }

    [Fact]
    public async Task The_example_API_accepts_valid_tokens_only()
    {
        var address = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        var start = ExampleProgram.Start(
            "dotnet", ExampleProgram.Built("jwt-api", "JwtApi"), "--urls", address.GetLeftPart(UriPartial.Authority));
        start.Environment["PORTAL_URL"] = _portal.Address.GetLeftPart(UriPartial.Authority);
        start.Environment["TOKEN_AUDIENCE"] = Audience;
        using var example = Process.Start(start)!;
        example.BeginOutputReadLine();
        example.BeginErrorReadLine();
        try
        {
            using var client = new BrowserClient(address).AsProgram();
            await Eventually.BeTrueAsync(async () =>
            {
                example.HasExited.ShouldBeFalse();
                try
                {
                    return (await client.GetAsync("/api/me")).Status == 401;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            });

            var accepted = await client.GetAsync("/api/me", ("Authorization", "Bearer " + await JwtAsync(_portal)));

            (accepted.Status, accepted.Body).ShouldBe((200, $$"""{"email":"{{_email}}"}"""));
            (await client.GetAsync("/api/me", ("Authorization", "Bearer " + _expired))).Status.ShouldBe(401);
            (await client.GetAsync("/api/me", ("Authorization", "Bearer " + await JwtAsync(_portal, "")))).Status.ShouldBe(401);
        }
        finally
        {
            example.Kill();
            await example.WaitForExitAsync();
        }
    }
}
