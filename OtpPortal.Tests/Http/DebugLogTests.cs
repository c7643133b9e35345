using System.Net.Http.Json;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>The log of DEBUG=true contains no secrets.</summary>
public sealed class DebugLogTests
{
    [Fact]
    public async Task Ids_and_secrets_in_URLs_are_not_logged()
    {
        await using var portal = await PortalHost.StartAsync(
            ("DEBUG", "true"), ("NAMESPACES", "MyApp:secret"), ("JOTP_ANONYMOUS", "true"), ("MAIL_LINK", "true"));
        var (browser, program, app) = (portal.NewBrowser(), portal.NewApiClient(), new GatewayClient(portal, "MyApp", "secret"));
        var secrets = new List<string>();

        var session = await program.SendAsync(
            HttpMethod.Post, "/jotp/sessions", JsonContent.Create(new { email = TestUser.New(), message = "$token", ttl = 5 }));
        secrets.Add(session.Location!.Split('/')[^1]);
        await program.SendAsync(HttpMethod.Post, new Uri(session.Location).AbsolutePath, new StringContent("000000"));

        var (id, code) = await app.BeginAsync();
        secrets.AddRange(id, code);
        await browser.GetAsync($"/otp/MyApp/{id}?otp={code}");
        await browser.PostAsync($"/otp/MyApp/{id}", ("otp", GatewayClient.WrongCode(code)));
        await app.CheckAsync(id, code);

        string[] paths =
            ["/magic-link?secret=", "/login/link?token=", "/?return_to=https://app.example/", "/nothing/", "/js/", "/api/otp/"];
        foreach (var path in paths)
        {
            secrets.Add(path.Length + "SecretOfAnAddress0123456789abcd");
            await browser.GetAsync(path + secrets[^1]);
            await browser.PostAsync(path + secrets[^1]);
        }

        portal.Log.Lines.ShouldContain(line => line.StartsWith("Debug", StringComparison.Ordinal), "it is the log of DEBUG=true");
        portal.Log.Lines.Where(line => secrets.Exists(secret => line.Contains(secret, StringComparison.Ordinal))).ShouldBeEmpty();
    }
}
