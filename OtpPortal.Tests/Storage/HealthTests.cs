using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests <c>/healthz</c> and <c>/readyz</c> while the stores are available.</summary>
public sealed class HealthTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Healthz_returns_200(string method) =>
        (await portal.NewApiClient().SendAsync(new HttpMethod(method), "/healthz", null)).Status.ShouldBe(200);

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Readyz_returns_200_when_both_stores_respond(string method) =>
        (await portal.NewApiClient().SendAsync(new HttpMethod(method), "/readyz", null)).Status.ShouldBe(200);

    [Fact]
    public async Task Health_endpoints_return_their_documented_bodies()
    {
        (await portal.NewApiClient().GetAsync("/healthz")).Body.ShouldBe("OK");
        (await portal.NewApiClient().GetAsync("/readyz")).Body.ShouldBe("""{"status":"ready"}""");
    }

    [Theory]
    [InlineData(PortalHost.Secret, true)]
    [InlineData("not-the-secret-key", false)]
    public async Task Healthz_shows_the_version_to_the_operator_only(string key, bool shown)
    {
        var answer = await portal.NewApiClient().GetAsync("/healthz", ("Authorization", "Bearer " + key));

        answer.Status.ShouldBe(200);
        answer.Body.ShouldBe(shown ? "OK " + PortalVersion.Text : "OK");
    }

    [Fact]
    public async Task Wrong_keys_at_healthz_count_toward_the_lockout()
    {
        var guesser = portal.NewApiClient();
        for (var i = 0; i < 10; i++) await guesser.GetAsync("/healthz", ("Authorization", "Bearer wrong"));

        (await guesser.GetAsync("/healthz", ("Authorization", "Bearer " + PortalHost.Secret))).Body.ShouldBe("OK");
        (await guesser.GetAsync("/auth-tokens", ("Authorization", "Bearer " + PortalHost.Secret))).Status.ShouldBe(429);
    }
}
