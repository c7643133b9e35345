using System.Net.Http.Json;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Limits;

/// <summary>Failures are counted per kind of secret, so that they do not block other clients at the same IP address.</summary>
public sealed class SecretLimitTests
{
    private static readonly string[] s_kinds = ["operator key", "admin page", "namespace", "service account"];

    public static TheoryData<string> Kinds => [.. s_kinds];

    private static Task<Answer> SendSecretAsync(BrowserClient client, string kind, bool right) => kind switch
    {
        "operator key" => client.GetAsync("/auth-tokens", ("Authorization", "Bearer " + (right ? PortalHost.Secret : "wrong"))),
        "admin page" => client.PostAsync("/admin/login", ("key", right ? PortalHost.Secret : "wrong")),
        "namespace" => client.GetAsync("/api/providers", ("Authorization", GatewayClient.Basic("MyApp:" + (right ? "secret" : "wrong")))),
        _ => client.SendAsync(
            HttpMethod.Post, "/api/v2/otp/create", JsonContent.Create(new { otpCreateParams = new { } }),
            ("X-API-KEY", right ? V2Portal.AdminKey : Guid.NewGuid().ToString())),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Failures_with_one_kind_of_secret_do_not_block_other_kinds(string kind)
    {
        await using var portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"), V2Portal.Setting);
        var client = portal.NewBrowser();
        for (var i = 0; i < 10; i++) (await SendSecretAsync(client, kind, right: false)).Status.ShouldBeOneOf(401, 403);

        var limited = await SendSecretAsync(client, kind, right: true);
        limited.Status.ShouldBe(429, "not even the correct key is accepted");
        limited.RetryAfter.ShouldBe(300);
        foreach (var other in s_kinds.Where(other => other != kind))
        {
            (await SendSecretAsync(client, other, right: true)).Status.ShouldBeOneOf(200, 201, 303);
        }
    }
}
