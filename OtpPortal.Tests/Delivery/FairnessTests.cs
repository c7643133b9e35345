using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Delivery;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Delivery;

/// <summary>Undeliverable messages do not delay other messages over SMTP.</summary>
public sealed class FairnessTests
{
    [Theory]
    [InlineData("defer")]
    [InlineData("hang")]
    [InlineData("both")]
    public async Task A_thousand_undeliverable_messages_do_not_delay_others(string how)
    {
        using var server = await MailServer.StartAsync(("defer", new[] { "busy.example" }), ("hang", new[] { "slow.example" }));
        await using var portal = await PortalHost.StartAsync(
            [.. server.Settings("none"), ("NAMESPACES", "MyApp:secret"), ("JOTP_ANONYMOUS", "true"), V2Portal.Setting]);
        if (how != "hang") Flood(portal, "busy.example");
        if (how != "defer") Flood(portal, "slow.example");
        if (how != "hang")
        {
            // Waits for the second attempts as well.
            await Eventually.BeTrueAsync(() => Retries(portal) > 300);
            portal.Clock.Advance(TimeSpan.FromSeconds(1.3));
        }

        // The clock does not advance any more, so nothing times out and no connection becomes free.
        await portal.NewBrowser().PostAsync("/login", ("email", "portal@example.com"));
        var app = new GatewayClient(portal, "MyApp", "secret");
        var put = await app.PutAsync(GatewayClient.NewId(), ("provider", "smtp"), ("to", "gateway@example.com"));
        using var session = JsonContent.Create(new { email = "jotp@example.com", subject = "Hello", message = "$token", ttl = 5 });
        var jotp = await portal.NewApiClient().SendAsync(HttpMethod.Post, "/jotp/sessions", session);
        var v2 = await new V2Client(portal, V2Portal.AdminKey).PostAsync("otp-email/create", new
        {
            otpCreateParams = new { },
            otpEmailCreateParams = new { toEmail = "v2@example.com", serviceName = "Shop", subject = "Sign in", title = "Sign in" },
        });

        put.Status.ShouldBe(200, put.Body);
        jotp.Status.ShouldBe(201, jotp.Body);
        v2.Status.ShouldBe(201, v2.Body);
        await Eventually.BeTrueAsync(() => server.Mails.Count == 4);
        server.Mails.Select(mail => mail.GetProperty("to")[0].GetString()).ShouldBe(
            ["portal@example.com", "gateway@example.com", "jotp@example.com", "v2@example.com"], ignoreOrder: true);
    }

    private static int Retries(PortalHost portal) => portal.Log.Lines.Count(line => line.Contains("retrying in", StringComparison.Ordinal));

    private static void Flood(PortalHost portal, string domain)
    {
        var queue = portal.Services.GetRequiredService<DeliveryQueue>();
        for (var i = 0; i < 1000; i++)
        {
            var message = new Message($"someone{i}@{domain}", "s", "t", "<p>h</p>");
            queue.TryEnqueue(new OutgoingMessage(message, portal.Clock.GetUtcNow().AddMinutes(5), _ => { })).ShouldBeTrue();
        }
    }
}
