using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Jwt;
using OtpPortal.Tests.Configuration;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Jwt;

/// <summary>Verifies the portal's JWTs with a second implementation (npm package jose, installed by test.sh).</summary>
public sealed class JoseTests
{
    private static async Task<JsonElement[]> VerifyAsync(PortalHost portal, string audience, params string[] tokens)
    {
        var folder = Path.Combine(SettingsTests.RepositoryRoot(), "OtpPortal.Tests", "Jwt", "Jose");
        Directory.Exists(Path.Combine(folder, "node_modules", "jose"))
            .ShouldBeTrue("npm ci in OtpPortal.Tests/Jwt/Jose installs it, and test.sh does so");
        var start = new ProcessStartInfo("node")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(folder, "verify.js"));
        start.ArgumentList.Add(new Uri(portal.Address, "/api/v2/jwks.json").ToString());
        start.ArgumentList.Add(portal.Address.GetLeftPart(UriPartial.Authority));
        start.ArgumentList.Add(audience);
        start.ArgumentList.Add(portal.Clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        using var node = Process.Start(start)!;
        var (output, errors) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        foreach (var token in tokens) await node.StandardInput.WriteLineAsync(JsonSerializer.Serialize(token));
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(tokens.Length, await errors);
        return [.. lines.Select(line => JsonDocument.Parse(line).RootElement)];
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Accepts_valid_tokens_and_refuses_modified_ones(bool hasEd25519)
    {
        var algorithms = JwtAlgorithms.Of(hasEd25519);
        await using var portal =
            await PortalHost.StartWithAsync(builder => builder.Services.AddSingleton(algorithms), null, V2Portal.Setting);
        var app = await new V2Client(portal, V2Portal.AdminKey).NewAccountAsync();
        var tokens = new List<string>();
        foreach (var alg in algorithms.All)
            tokens.Add(await app.NewJwtAsync(new { alg, claims = new { email = "ann@example.com", text = "😀 <&\"" } }));
        var changed = tokens.Select(token => token[..^20] + (token[^20] == 'A' ? 'B' : 'A') + token[^19..]).ToArray();

        var answers = await VerifyAsync(portal, app.Audience, [.. tokens, .. changed]);

        for (var i = 0; i < tokens.Count; i++)
        {
            answers[i].GetProperty("alg").GetString().ShouldBe(algorithms.All[i], answers[i].ToString());
            answers[i].GetProperty("payload").GetProperty("email").GetString().ShouldBe("ann@example.com");
            answers[i].GetProperty("payload").GetProperty("text").GetString().ShouldBe("😀 <&\"");
            answers[tokens.Count + i].GetProperty("error").GetString().ShouldBe("ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
        }
    }

    [Fact]
    public async Task Refuses_other_audiences_and_expired_tokens_and_accepts_a_rotated_key()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting);
        var browser = await portal.SignInAsync(TestUser.New());
        var token = (await browser.GetAsync("/token")).Json.GetProperty("token").GetString()!;

        (await VerifyAsync(portal, "OTP Portal", token))[0].GetProperty("payload").GetProperty("sub").GetString()!
            .ShouldStartWith("someone");
        (await VerifyAsync(portal, "another app", token))[0].GetProperty("error").GetString().ShouldBe("ERR_JWT_CLAIM_VALIDATION_FAILED");
        await portal.NewApiClient()
            .SendAsync(HttpMethod.Post, "/signing-keys/rotate", null, ("Authorization", "Bearer " + PortalHost.Secret));
        portal.Clock.Advance(TimeSpan.FromMinutes(11));
        var newToken = (await browser.GetAsync("/token")).Json.GetProperty("token").GetString()!;

        V2Client.Part(newToken, 0).GetProperty("kid").GetString().ShouldNotBe(V2Client.Part(token, 0).GetProperty("kid").GetString());
        var answers = await VerifyAsync(portal, "OTP Portal", token, newToken);
        answers[0].GetProperty("error").GetString().ShouldBe("ERR_JWT_EXPIRED");
        answers[1].TryGetProperty("payload", out _).ShouldBeTrue(answers[1].ToString());
    }
}
