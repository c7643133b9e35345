using System.Net.Http.Json;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Limits;

/// <summary>The send limit per address, which all APIs share.</summary>
public sealed class SendLimitTests
{
    public static TheoryData<string> Apis => new("portal", "gateway", "jotp", "v2", "test message");

    private static Task<PortalHost> StartAsync(params (string Name, string Value)[] settings) =>
        PortalHost.StartAsync([("NAMESPACES", "MyApp:secret"), ("JOTP_ANONYMOUS", "true"), V2Portal.Setting, .. settings]);

    private static async Task<Answer> SendAsync(PortalHost portal, string api, string email)
    {
        switch (api)
        {
            case "portal":
                return await portal.NewApiClient().PostAsync("/login", ("email", email));
            case "gateway":
                var app = new GatewayClient(portal, "MyApp", "secret");
                return await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", email));
            case "jotp":
                using (var session = JsonContent.Create(new { email, subject = "Hello", message = "$token", ttl = 5 }))
                {
                    return await portal.NewApiClient().SendAsync(HttpMethod.Post, "/jotp/sessions", session);
                }
            case "v2":
                return await new V2Client(portal, V2Portal.AdminKey).PostAsync("otp-email/create", new
                {
                    otpCreateParams = new { },
                    otpEmailCreateParams = new { toEmail = email, serviceName = "Shop", subject = "Sign in", title = "Sign in" },
                });
            default:
                return await (await portal.OpenAdministrationAsync()).PostAsync("/admin/check/message", ("email", email));
        }
    }

    [Theory]
    [MemberData(nameof(Apis))]
    public async Task Beyond_the_limit_no_API_sends_to_the_address(string api)
    {
        await using var portal = await StartAsync();
        var email = TestUser.New();
        foreach (var other in Apis)
        {
            var sent = await SendAsync(portal, other, email);
            sent.Status.ShouldBeOneOf([200, 201, 202, 303], sent.Body);
        }

        var answer = await SendAsync(portal, api, "  " + email.ToUpperInvariant() + " ");

        answer.Status.ShouldBe(429, answer.Body);
        answer.RetryAfter.ShouldBe(900);
        if (api == "gateway")
        {
            answer.Json.GetProperty("status").GetString().ShouldBe("error");
            answer.Json.GetProperty("message").GetString().ShouldBe("The message is not sent: LIMIT_SENDS_PER_ADDRESS.");
        }
        portal.Clock.Advance(TimeSpan.FromSeconds(900));
        (await SendAsync(portal, api, email)).Status.ShouldBeOneOf(200, 201, 202, 303);
    }

    [Fact]
    public async Task All_spellings_of_a_phone_number_share_one_limit()
    {
        await using var portal = await StartAsync(("LIMIT_SENDS_PER_ADDRESS", "3/900"), ("SMS_DEFAULT_COUNTRY", "DE"));
        var app = new GatewayClient(portal, "MyApp", "secret");
        foreach (var spelling in (string[])["+4915123456789", "0151 / 2345 6789", "0049 (0)151 23456789"])
        {
            (await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", spelling))).Status.ShouldBe(200);
        }

        (await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", "+49 151 2345 6789"))).Status.ShouldBe(429);
        (await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", "+49 151 2345 6780"))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_rate_limited_PUT_does_not_change_the_verification()
    {
        await using var portal = await StartAsync(("LIMIT_SENDS_PER_ADDRESS", "1/900"));
        var app = new GatewayClient(portal, "MyApp", "secret");
        var (email, id) = (TestUser.New(), GatewayClient.NewId());
        var put = await app.PutAsync(id, ("provider", "mailbox"), ("to", email));
        var code = put.Json.GetProperty("data").GetProperty("otp").GetString()!;

        (await app.PutAsync(id, ("provider", "mailbox"), ("to", email))).Status.ShouldBe(429);

        (await app.CheckAsync(id, code)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_verification_without_an_address_does_not_count()
    {
        await using var portal = await StartAsync(("LIMIT_SENDS_PER_ADDRESS", "1/900"));
        var app = new GatewayClient(portal, "MyApp", "secret");

        for (var i = 0; i < 3; i++) (await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", ""))).Status.ShouldBe(200);
    }
}
