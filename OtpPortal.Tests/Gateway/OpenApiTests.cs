using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary><c>/openapi/gateway.json</c> says what the server does: no more, no less.</summary>
public sealed class OpenApiTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private Task<DescribedApi> DescribedAsync() => DescribedApi.OfAsync(gateway.Host, "gateway");

    [Fact]
    public async Task Every_address_and_method_is_described_and_none_is_made_up()
    {
        var served = DescribedApi.ServedBy(gateway.Host)
            .Where(operation => operation.Contains(" /api/", StringComparison.Ordinal) || operation.Contains(" /otp/", StringComparison.Ordinal))
            .Where(operation => !operation.Contains(" /api/v2", StringComparison.Ordinal))
            // Pages name their parameters as C# does.
            .Select(operation => operation.Replace("{Namespace}", "{namespace}", StringComparison.Ordinal).Replace("{Id}", "{id}", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal);

        (await DescribedAsync()).Operations.Keys.ShouldBe(served, ignoreOrder: true);
    }

    [Fact]
    public async Task Every_answer_has_a_described_status_and_exactly_the_described_fields()
    {
        var api = await DescribedAsync();
        var (app, stranger) = (gateway.App, gateway.Host.NewProgram());
        var (id, code) = await app.BeginAsync(("skip_delete", "true"), ("max_attempts", "2"));
        var (locked, right) = await app.BeginAsync(("max_attempts", "1"));
        (string, string)[] wish = [("provider", "mailbox"), ("to", Someone.New())];

        api.ShouldDescribe("/api/health", "get", await stranger.GetAsync("/api/health"));
        api.ShouldDescribe("/api/providers", "get", await app.SendAsync(HttpMethod.Get, "/api/providers", null));
        api.ShouldDescribe("/api/providers", "get", await stranger.GetAsync("/api/providers"));
        api.ShouldDescribe("/api/otp", "put", await app.SendAsync(HttpMethod.Put, "/api/otp", wish));
        api.ShouldDescribe("/api/otp", "put", await app.SendAsync(HttpMethod.Put, "/api/otp", []));
        api.ShouldDescribe("/api/otp/{id}", "put", await app.PutAsync(GatewayClient.NewId(), wish));
        api.ShouldDescribe("/api/otp/{id}", "put", await app.PutAsync("bad", wish));
        api.ShouldDescribe("/api/otp/{id}", "put", await stranger.SendAsync(HttpMethod.Put, "/api/otp/" + id, null));
        api.ShouldDescribe(
            "/api/otp/{id}", "put", await app.PutAsync(GatewayClient.NewId(), [.. wish, ("extra", new string('a', 140_000))]));
        api.ShouldDescribe("/api/otp/{id}/status", "post", await app.StatusAsync(id));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(id, GatewayClient.NotThe(code)));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(id, code));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(id, code));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(GatewayClient.NewId(), code));
        api.ShouldDescribe("/api/otp/{id}", "post", await stranger.PostAsync("/api/otp/" + id));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(locked, GatewayClient.NotThe(right)));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(locked, right));
        api.ShouldDescribe("/api/otp/{id}", "put", await app.PutAsync(locked, wish));
        api.ShouldDescribe("/otp/{namespace}/{id}/status", "get", await stranger.GetAsync($"/otp/MyApp/{id}/status"));
        api.ShouldDescribe("/otp/{namespace}/{id}/status", "get", await stranger.GetAsync("/otp/MyApp/nothing-here/status"));
        api.ShouldDescribe("/otp/{namespace}/{id}", "get", await stranger.GetAsync("/otp/MyApp/" + id));
        api.ShouldDescribe("/otp/{namespace}/{id}", "get", await stranger.GetAsync("/otp/MyApp/nothing-here"));
        api.ShouldDescribe("/api/otp/{id}/status", "post", await app.StatusAsync(id));
        api.ShouldDescribe("/api/otp/{id}/status", "delete", await app.DeleteAsync(locked));
        api.ShouldDescribe("/api/otp/{id}/status", "delete", await app.DeleteAsync(id));

        api.SeenCount.ShouldBeGreaterThan(18);
    }

    [Fact]
    public async Task The_page_shows_every_operation() => await (await DescribedAsync()).ShouldBeShownByAsync(gateway.Host);
}
