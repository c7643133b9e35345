using System.Buffers.Text;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using OtpPortal.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>The programs of <c>examples/offline/</c> verify JWTs of a real portal.</summary>
public sealed class OfflineExampleTests(OfflineExampleTests.SystemTimePortal portal) : IClassFixture<OfflineExampleTests.SystemTimePortal>
{
    private const string Audience = "app";

    private PortalHost Portal => portal.Host;

    private static ProcessStartInfo Start(string language, params IEnumerable<string> arguments) => language switch
    {
        "node" => ExampleProgram.Start("node", [Path.Combine(ExampleProgram.Folder, "offline", "node", "verify.mjs"), .. arguments]),
        "python" =>
            ExampleProgram.Start("/usr/bin/python3", [Path.Combine(ExampleProgram.Folder, "offline", "python", "verify.py"), .. arguments]),
        _ => ExampleProgram.Start("dotnet", [ExampleProgram.Built("offline/dotnet", "Verify"), .. arguments]),
    };

    private Task<(int Code, string Output, string Errors)> VerifyAsync(string language, string jwt, string audience = Audience) =>
        ExampleProgram.RunAsync(Start(language, Portal.Address.GetLeftPart(UriPartial.Authority), audience), jwt + "\n");

    private async Task<string> JwtAsync(string email, string? algorithm)
    {
        var token = (await Portal.SignInAsync(email)).Cookies["auth_token"];
        return (await Clients.For(Portal.Address).IssueJwtAsync(token, algorithm)).ShouldBeOfType<JwtIssue.Issued>().Jwt;
    }

    private static void ShouldBeRefused((int Code, string Output, string Errors) end, string why)
    {
        (end.Code, end.Output).ShouldBe((1, ""), end.Errors);
        end.Errors.TrimEnd().ShouldNotContain("\n");
        end.Errors.ShouldContain(why, Case.Insensitive);
    }

    [Theory]
    [InlineData("node", null)]
    [InlineData("node", "RS256")]
    [InlineData("python", null)]
    [InlineData("python", "RS256")]
    [InlineData("dotnet", null)]
    [InlineData("dotnet", "RS256")]
    public async Task A_valid_token_prints_the_email_address(string language, string? algorithm)
    {
        var email = TestUser.New();
        var jwt = await JwtAsync(email, algorithm);

        (await VerifyAsync(language, jwt)).ShouldBe((0, email + "\n", ""));
        var asArgument = await ExampleProgram.RunAsync(Start(language, Portal.Address.AbsoluteUri, Audience, jwt), "");
        asArgument.ShouldBe((0, email + "\n", ""));
    }

    [Theory]
    [InlineData("node", null)]
    [InlineData("python", null)]
    [InlineData("dotnet", null)]
    [InlineData("dotnet", "RS256")]
    public async Task A_token_that_is_modified_unsigned_or_for_another_audience_is_refused(string language, string? algorithm)
    {
        var jwt = await JwtAsync(TestUser.New(), algorithm);
        var parts = jwt.Split('.');
        var claims = JsonNode.Parse(Base64Url.DecodeFromChars(parts[1]))!;
        claims["sub"] = "root@example.com";
        claims["email"] = "root@example.com";
        var forged = Text(claims);
        var header = JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]))!;
        header["alg"] = "none";
        var without = JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]))!;
        without["jku"] = "https://evil.example.org/keys";

        ShouldBeRefused(await VerifyAsync(language, $"{parts[0]}.{forged}.{parts[2]}"), "signature");
        ShouldBeRefused(await VerifyAsync(language, jwt, audience: "another"), "audience");
        ShouldBeRefused(await VerifyAsync(language, $"{Text(header)}.{forged}."), "");
        ShouldBeRefused(await VerifyAsync(language, $"{Text(header)}.{forged}.{parts[2]}"), "");
        ShouldBeRefused(await VerifyAsync(language, $"{Text(without)}.{parts[1]}.{parts[2]}"), "jku");
        ShouldBeRefused(await VerifyAsync(language, "nonsense"), "");
    }

    [Theory]
    [InlineData("node", null)]
    [InlineData("python", null)]
    [InlineData("dotnet", null)]
    [InlineData("dotnet", "RS256")]
    public async Task An_expired_token_is_refused(string language, string? algorithm) =>
        ShouldBeRefused(await VerifyAsync(language, portal.ExpiredJwt(algorithm)), "expired");

    [Theory]
    [InlineData("node")]
    [InlineData("python")]
    [InlineData("dotnet")]
    public async Task Reports_an_unreachable_portal_and_missing_arguments(string language)
    {
        var jwt = await JwtAsync(TestUser.New(), "RS256");

        ShouldBeRefused(await ExampleProgram.RunAsync(Start(language, $"http://127.0.0.1:{FreePort.Next()}", Audience), jwt), "");
        ShouldBeRefused(await ExampleProgram.RunAsync(Start(language), ""), "usage");
    }

    private static string Text(JsonNode json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json.ToJsonString()));

    /// <summary>A portal whose clock is set to the system time, as seen by the example programs.</summary>
    public sealed class SystemTimePortal : IAsyncLifetime
    {
        private readonly Dictionary<string, string> _old = [];

        public PortalHost Host { get; private set; } = null!;

        public string ExpiredJwt(string? algorithm) => _old[algorithm ?? ""];

        public async Task InitializeAsync()
        {
            Host = await PortalHost.StartAsync(("TOKEN_AUDIENCE", Audience));
            Host.Clock.Advance(DateTimeOffset.UtcNow - TimeSpan.FromHours(1) - Host.Clock.GetUtcNow());
            var token = (await Host.SignInAsync(TestUser.New())).Cookies["auth_token"];
            foreach (var algorithm in (string?[])[null, "RS256"])
            {
                _old[algorithm ?? ""] = (await Clients.For(Host.Address).IssueJwtAsync(token, algorithm))
                    .ShouldBeOfType<JwtIssue.Issued>().Jwt;
            }
            Host.Clock.Advance(DateTimeOffset.UtcNow - Host.Clock.GetUtcNow());
        }

        public async Task DisposeAsync() => await Host.DisposeAsync();
    }
}
