using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>
/// AWS with a container role. The AWS SDK reads environment variables, so the portal runs in a separate process.
/// </summary>
public sealed class AwsRoleTests
{
    private const string Role = "/credentials";

    [Fact]
    public async Task Signs_requests_with_the_role_of_the_container()
    {
        await using var server = await RecordingServer.StartAsync();
        var credentials = JsonSerializer.Serialize(new
        {
            AccessKeyId = "ASIAEXAMPLE",
            SecretAccessKey = "role-S3cret",
            Token = "role-token",
            Expiration = DateTimeOffset.UtcNow.AddHours(6),
        });
        server.Handle = context => context.Request.Path == Role ? context.Response.WriteAsync(credentials) : Task.CompletedTask;
        using var portal = await PortalProcess.StartAsync(Settings(server, Role));
        server.Requests.ShouldBeEmpty("the start requests no credentials");

        (await SendAsync(portal)).Status.ShouldBe(200, portal.Log);
        (await SendAsync(portal)).Status.ShouldBe(200, portal.Log);

        server.Requests.Count(request => request.Path == Role).ShouldBe(1, "credentials are kept until they expire");
        var request = server.Requests[^1];
        (request.Method, request.Path).ShouldBe(("POST", "/aws"));
        request.Headers["X-Amz-Security-Token"].ShouldBe("role-token");
        var signed = ((string[])["content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target"])
            .ToDictionary(name => name, name => request.Headers[name], StringComparer.Ordinal);
        request.Headers["Authorization"].ShouldBe(AwsSignature.Authorize(
            "POST", "/aws", "", signed, Encoding.UTF8.GetBytes(request.Body), AwsSignature.ReadTimestamp(request.Headers["X-Amz-Date"]),
            "eu-central-1", "sms-voice", "ASIAEXAMPLE", "role-S3cret"));
        portal.Log.ShouldNotContain("S3cret");
        portal.Log.ShouldNotContain("role-token");
    }

    [Fact]
    public async Task Logs_missing_AWS_credentials()
    {
        await using var server = await RecordingServer.StartAsync();
        using var portal = await PortalProcess.StartAsync(Settings(server, role: null));

        (await SendAsync(portal)).Status.ShouldBe(502);

        server.Requests.ShouldBeEmpty();
        await Eventually.BeTrueAsync(() => portal.Log.Contains("no AWS credentials were found; set AWS_", StringComparison.Ordinal));
    }

    private static (string, string)[] Settings(RecordingServer server, string? role) =>
    [
        ("AWS_REGION", "eu-central-1"), ("AWS_SMS_ORIGINATION_IDENTITY", "pool-1"), ("AWS_SMS_API_URL", server.Address + "aws"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", role is null ? "" : server.Address.GetLeftPart(UriPartial.Authority) + role),
        // Isolates the test from the AWS configuration of the machine.
        ("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_PROFILE", ""), ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""), ("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials"), ("AWS_CONFIG_FILE", "/nowhere/config"), ("HOME", "/nowhere"),
        ("NAMESPACES", "MyApp:secret"), ("SMS_COUNTRIES", "DE"),
    ];

    private static async Task<Answer> SendAsync(PortalProcess portal)
    {
        using var program = new BrowserClient(portal.Address).AsProgram();
        using var form = new FormUrlEncodedContent([new("provider", "pinpoint_sms"), new("to", "+491711234567")]);
        return await program.SendAsync(
            HttpMethod.Put, "/api/otp/" + GatewayClient.NewId(), form, ("Authorization", GatewayClient.Basic("MyApp:secret")));
    }
}
