using System.Text;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests that <c>/openapi/gateway.json</c> matches the served API.</summary>
public sealed class OpenApiTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private Task<DescribedApi> DescribedAsync() => DescribedApi.OfAsync(gateway.Host, "gateway");

    [Fact]
    public async Task The_described_operations_match_the_served_ones()
    {
        var served = DescribedApi.ServedBy(gateway.Host)
            .Where(operation => new[] { " /api/", " /otp/", " /jotp" }.Any(root => operation.Contains(root, StringComparison.Ordinal)))
            .Where(operation => !operation.Contains(" /api/v2", StringComparison.Ordinal))
            // Excludes the hosted pages and their forms.
            .Where(operation => operation.Split(' ')[1].ToLowerInvariant()
                is not ("/otp/{namespace}/{id}" or "/otp/{namespace}/{id}/address"));

        (await DescribedAsync()).Operations.Keys.ShouldBe(served, ignoreOrder: true);
    }

    [Fact]
    public async Task Every_response_matches_its_described_status_and_fields()
    {
        var api = await DescribedAsync();
        var (app, stranger) = (gateway.App, gateway.Host.NewApiClient());
        var (id, code) = await app.BeginAsync(("skip_delete", "true"), ("max_attempts", "2"));
        var (locked, right) = await app.BeginAsync(("max_attempts", "1"));
        (string, string)[] wish = [("provider", "mailbox"), ("to", TestUser.New())];

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
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(id, GatewayClient.WrongCode(code)));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(id, code));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(id, code));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(GatewayClient.NewId(), code));
        api.ShouldDescribe("/api/otp/{id}", "post", await stranger.PostAsync("/api/otp/" + id));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(locked, GatewayClient.WrongCode(right)));
        api.ShouldDescribe("/api/otp/{id}", "post", await app.CheckAsync(locked, right));
        api.ShouldDescribe("/api/otp/{id}", "put", await app.PutAsync(locked, wish));
        api.ShouldDescribe("/otp/{namespace}/{id}/status", "get", await stranger.GetAsync($"/otp/MyApp/{id}/status"));
        api.ShouldDescribe("/otp/{namespace}/{id}/status", "get", await stranger.GetAsync("/otp/MyApp/nothing-here/status"));
        api.ShouldDescribe("/api/otp/{id}/status", "post", await app.StatusAsync(id));
        api.ShouldDescribe("/api/otp/{id}/status", "delete", await app.DeleteAsync(locked));
        api.ShouldDescribe("/api/otp/{id}/status", "delete", await app.DeleteAsync(id));

        api.SeenCount.ShouldBeGreaterThan(16);
    }

    [Fact]
    public async Task Every_jOTP_response_matches_its_described_status_and_fields()
    {
        var api = await DescribedAsync();
        var stranger = gateway.Host.NewApiClient();
        static StringContent Json(object body) => new(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        Task<Answer> BeginAsync(HttpContent body, string secret = "secret") => stranger.SendAsync(
            HttpMethod.Post, "/jotp/sessions", body, ("Authorization", GatewayClient.Basic("MyApp:" + secret)));

        api.ShouldDescribe("/jotp", "get", await stranger.GetAsync("/jotp/"));
        api.ShouldDescribe("/jotp/sessions", "post", await BeginAsync(Json(new { })));
        api.ShouldDescribe("/jotp/sessions", "post", await BeginAsync(Json(new { }), "wrong"));
        var email = TestUser.New();
        var begun = await BeginAsync(Json(new { email, subject = "Code", message = "$token", ttl = "5" }));
        api.ShouldDescribe("/jotp/sessions", "post", begun);
        var session = new Uri(begun.Location!).AbsolutePath;
        var messages = (await stranger.GetAsync("/dev/mailbox.json")).Json.EnumerateArray();
        var token = messages.First(message => message.GetProperty("to").GetString() == email).GetProperty("text").GetString()!.Trim();
        foreach (var typed in (string[])["wrong", token, new string('x', 2000)])
        {
            api.ShouldDescribe("/jotp/sessions/{id}", "post", await stranger.SendAsync(HttpMethod.Post, session, new StringContent(typed)));
        }
        api.SeenCount.ShouldBe(7);
    }

    [Fact]
    public async Task Only_PUT_responses_contain_the_code()
    {
        var (id, code) = await gateway.App.BeginAsync(("skip_delete", "true"));

        var wrong = await gateway.App.CheckAsync(id, GatewayClient.WrongCode(code));
        Answer[] others = [wrong, await gateway.App.CheckAsync(id, code), await gateway.App.StatusAsync(id)];

        foreach (var answer in others) answer.Json.GetProperty("data").TryGetProperty("otp", out _).ShouldBeFalse(answer.Body);
    }

    [Fact]
    public async Task The_API_page_shows_every_operation() => await (await DescribedAsync()).ShouldBeShownByAsync(gateway.Host);
}
