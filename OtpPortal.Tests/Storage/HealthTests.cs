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
}
