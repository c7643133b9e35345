using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests the request quota of a namespace and its <c>RateLimit</c> headers.</summary>
public sealed class RequestQuotaOfNamespaceTests : IAsyncLifetime
{
    private PortalHost _portal = null!;

    // The test clock starts at the beginning of a minute.
    public async Task InitializeAsync() =>
        _portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret,Other:secret2"), ("LIMIT_REQUESTS_PER_NAMESPACE", "4/60"));

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private GatewayClient App => new(_portal, "MyApp", "secret");

    private GatewayClient OtherApp => new(_portal, "Other", "secret2");

    private static Task<Answer> AskAsync(GatewayClient client) => client.SendAsync(HttpMethod.Get, "/api/providers", null);

    private static async Task UseUpAsync(GatewayClient client, int requests)
    {
        for (var i = 0; i < requests; i++) (await AskAsync(client)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Every_response_reports_the_remaining_requests()
    {
        _portal.Clock.Advance(TimeSpan.FromSeconds(18));

        var answers = new[]
        {
            await AskAsync(App),
            await App.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", TestUser.New())),
            await App.CheckAsync(GatewayClient.NewId(), "123456"),
            await App.StatusAsync("bad"),
        };

        answers.Select(answer => (answer.Status, answer.Header("RateLimit"))).ShouldBe(
        [
            (200, "\"namespace\";r=3;t=42"),
            (200, "\"namespace\";r=2;t=42"),
            (400, "\"namespace\";r=1;t=42"),
            (400, "\"namespace\";r=0;t=42"),
        ]);
        answers.ShouldAllBe(
            answer => answer.Header("RateLimit-Policy") == "\"namespace\";q=4;w=60" && answer.Header("Retry-After") == null);
    }

    [Fact]
    public async Task Returns_429_until_the_announced_time_once_the_quota_is_used_up()
    {
        await UseUpAsync(App, 4);

        var refused = await AskAsync(App);

        refused.Status.ShouldBe(429);
        refused.Json.GetProperty("status").GetString().ShouldBe("error");
        refused.RetryAfter.ShouldBe(75, "one minute, plus a quarter while the first of the four expires");
        refused.Header("RateLimit").ShouldBe("\"namespace\";r=0;t=75");
        refused.Header("RateLimit-Policy").ShouldBe("\"namespace\";q=4;w=60");
        _portal.Clock.Advance(TimeSpan.FromSeconds(74));
        (await AskAsync(App)).Status.ShouldBe(429);
        _portal.Clock.Advance(TimeSpan.FromSeconds(1));
        (await AskAsync(App)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Requests_over_quota_send_nothing_and_use_no_attempts()
    {
        var (id, code) = await App.BeginAsync(("max_attempts", "1"));
        await UseUpAsync(App, 3);
        var somebody = TestUser.New();

        (await App.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", somebody))).Status.ShouldBe(429);
        (await App.CheckAsync(id, GatewayClient.WrongCode(code))).Status.ShouldBe(429);

        (await _portal.CodesAsync(somebody)).ShouldBeEmpty();
        _portal.Clock.Advance(TimeSpan.FromSeconds(120));
        (await App.CheckAsync(id, code)).Status.ShouldBe(200, "its one attempt is still available");
    }

    [Fact]
    public async Task A_namespace_over_quota_does_not_affect_another()
    {
        await UseUpAsync(App, 4);
        for (var i = 0; i < 10; i++) (await AskAsync(App)).Status.ShouldBe(429);

        (await AskAsync(OtherApp)).Header("RateLimit").ShouldBe("\"namespace\";r=3;t=60");
    }

    [Fact]
    public async Task Replicas_share_the_quota()
    {
        await using var replica = await _portal.StartReplicaAsync();
        var there = new GatewayClient(replica, "MyApp", "secret");

        await UseUpAsync(App, 2);
        await UseUpAsync(there, 2);

        (await AskAsync(App)).Status.ShouldBe(429);
        (await AskAsync(there)).Status.ShouldBe(429);
    }

    [Fact]
    public async Task Concurrent_requests_cannot_exceed_the_quota()
    {
        await using var replica = await _portal.StartReplicaAsync();
        GatewayClient[] clients = [App, new(replica, "MyApp", "secret")];

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => AskAsync(clients[i % 2])));

        answers.Count(answer => answer.Status == 200).ShouldBe(4);
        answers.Count(answer => answer.Status == 429).ShouldBe(36);
    }

    [Fact]
    public async Task Unauthenticated_requests_use_no_quota_and_get_no_RateLimit_headers()
    {
        var stranger = _portal.NewApiClient();
        var answers = new List<Answer> { await stranger.GetAsync("/api/providers"), await stranger.GetAsync("/api/health") };
        for (var guess = 0; guess < 10; guess++)
            answers.Add(await stranger.GetAsync("/api/providers", ("Authorization", GatewayClient.Basic($"MyApp:guess{guess}"))));

        // The client is locked out, so a correct secret must get the same response as a wrong one.
        var right = await stranger.GetAsync("/api/providers", ("Authorization", GatewayClient.Basic("MyApp:secret")));
        var wrong = await stranger.GetAsync("/api/providers", ("Authorization", GatewayClient.Basic("MyApp:wrong")));

        (right.Status, wrong.Status).ShouldBe((429, 429));
        answers.Append(right).Append(wrong)
            .ShouldAllBe(answer => answer.Header("RateLimit") == null && answer.Header("RateLimit-Policy") == null);
        (await AskAsync(App)).Header("RateLimit").ShouldBe("\"namespace\";r=3;t=60");
    }

    [Fact]
    public async Task A_request_over_quota_is_recorded_in_the_audit_log()
    {
        await UseUpAsync(App, 4);
        await AskAsync(App);

        await Eventually.BeTrueAsync(() => _portal.Dump().Text.Contains("REQUESTS_PER_NAMESPACE:MyApp", StringComparison.Ordinal));
    }
}
