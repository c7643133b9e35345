using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary><c>/healthz</c> and <c>/readyz</c> on a good day.</summary>
public sealed class HealthTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task The_process_serves(string method) =>
        (await portal.NewProgram().SendAsync(new HttpMethod(method), "/healthz", null)).Status.ShouldBe(200);

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Both_stores_answer(string method) =>
        (await portal.NewProgram().SendAsync(new HttpMethod(method), "/readyz", null)).Status.ShouldBe(200);

    [Fact]
    public async Task They_say_it_in_words()
    {
        (await portal.NewProgram().GetAsync("/healthz")).Body.ShouldBe("OK");
        (await portal.NewProgram().GetAsync("/readyz")).Body.ShouldBe("""{"status":"ready"}""");
    }

    [Theory]
    [InlineData(PortalHost.Secret, true)]
    [InlineData("not-the-secret-key", false)]
    public async Task Healthz_shows_the_version_to_the_operator_only(string key, bool shown)
    {
        var answer = await portal.NewProgram().GetAsync("/healthz", ("Authorization", "Bearer " + key));

        answer.Status.ShouldBe(200);
        answer.Body.ShouldBe(shown ? "OK " + PortalVersion.Text : "OK");
    }

    [Fact]
    public async Task Healthz_counts_wrong_keys_like_every_other_use_of_the_key()
    {
        var guesser = portal.NewProgram();
        for (var i = 0; i < 10; i++) await guesser.GetAsync("/healthz", ("Authorization", "Bearer wrong"));

        (await guesser.GetAsync("/healthz", ("Authorization", "Bearer " + PortalHost.Secret))).Body.ShouldBe("OK");
        (await guesser.GetAsync("/auth-tokens", ("Authorization", "Bearer " + PortalHost.Secret))).Status.ShouldBe(429);
    }
}
