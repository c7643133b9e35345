using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Auditing;
using OtpPortal.Configuration;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Auditing;

/// <summary>AUDIT_URL: signed, in order, at least once.</summary>
public sealed class AuditWebhookTests : IAsyncLifetime
{
    private const string Secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

    private RecordingServer _receiver = null!;

    public async Task InitializeAsync()
    {
        _receiver = await RecordingServer.StartAsync();
        _receiver.AlwaysAnswer(204, "");
    }

    public async Task DisposeAsync() => await _receiver.DisposeAsync();

    private (string Name, string Value)[] Settings => [("AUDIT_URL", _receiver.Address + "hook?tenant=1"), ("AUDIT_SECRET", Secret)];

    private Task<PortalHost> StartAsync() => PortalHost.StartWithAsync(null, _receiver.Address, Settings);

    private static void Write(PortalHost portal, params IEnumerable<string> outcomes)
    {
        var log = portal.Services.GetRequiredService<AuditLog>();
        foreach (var outcome in outcomes) log.Write(AuditEvent.SignIn, "ann@example.com", "192.0.2.1", outcome);
    }

    private static IReadOnlyList<string> Outcomes(string prefix, int count) => [.. Enumerable.Range(1, count).Select(i => $"{prefix}{i}")];

    private static string Outcome(RecordedRequest request) =>
        JsonDocument.Parse(request.Body).RootElement.GetProperty("outcome").GetString()!;

    // At least once: a repetition has the same id and the same content.
    private static IReadOnlyList<string> FirstDeliveries(IEnumerable<RecordedRequest> requests)
    {
        var byId = requests.GroupBy(request => request.Headers["webhook-id"], StringComparer.Ordinal).ToList();
        byId.ShouldAllBe(same => same.Select(request => request.Body).Distinct().Count() == 1);
        return [.. byId.Select(same => Outcome(same.First()))];
    }

    // The clock moves a little, because a failure under heavy load is retried later.
    private static Task WaitAsync(PortalHost portal, Func<bool> condition) =>
        portal.Clock.AdvanceUntilAsync(condition, TimeSpan.FromMilliseconds(10));

    private static Task WaitForQueueAsync(PortalHost portal, int length) => portal.Clock.AdvanceUntilAsync(
        async () => await StoreOf(portal).ListLengthAsync(AuditQueue.Key) == length, TimeSpan.FromMilliseconds(10));

    private static IDatabase StoreOf(PortalHost portal) => portal.Services.GetRequiredService<Stores>().Otp.Database.Client;

    [Fact]
    public async Task Posts_signed_events_in_order()
    {
        await using var portal = await StartAsync();
        var start = portal.Clock.GetUtcNow();

        Write(portal, Outcomes("e", 50));
        await WaitAsync(portal, () => FirstDeliveries(_receiver.Requests).Count == 50);

        FirstDeliveries(_receiver.Requests).ShouldBe(Outcomes("e", 50));
        foreach (var request in _receiver.Requests)
        {
            (request.Method, request.Path, request.Headers["Content-Type"]).ShouldBe(("POST", "/hook?tenant=1", "application/json"));
            var (id, timestamp) = (request.Headers["webhook-id"], request.Headers["webhook-timestamp"]);
            long.Parse(timestamp, null).ShouldBeInRange(start.ToUnixTimeSeconds(), portal.Clock.GetUtcNow().ToUnixTimeSeconds());
            var mac = HMACSHA256.HashData(
                "0123456789abcdef01234567"u8.ToArray(), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{request.Body}"));
            request.Headers["webhook-signature"].ShouldBe("v1," + Convert.ToBase64String(mac));
            var body = JsonDocument.Parse(request.Body).RootElement;
            body.EnumerateObject().Select(field => field.Name).ShouldBe(["id", "time", "event", "address", "ip", "outcome", "by"]);
            body.GetProperty("id").GetString().ShouldBe(id);
            body.GetProperty("event").GetString().ShouldBe("sign_in");
            body.GetProperty("address").GetString().ShouldBe("a…@example.com");
            body.GetProperty("time").GetDateTimeOffset().ShouldBe(start);
        }
        await WaitForQueueAsync(portal, 0);
    }

    [Fact]
    public void The_signature_is_the_one_of_the_specification() =>
        // From the examples of the reference implementations of Standard Webhooks.
        AuditWebhook.Sign(
            Convert.FromBase64String("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
            """{"test": 2432232314}"""u8.ToArray()).ShouldBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    [Fact]
    public async Task A_sign_in_is_posted_and_the_audit_log_stays_as_it_is()
    {
        await using var portal = await StartAsync();

        var email = TestUser.New();
        await portal.SignInAsync(email);
        await WaitAsync(portal, () => _receiver.Requests.Count > 0);

        var post = _receiver.Requests[0];
        Outcome(post).ShouldBe("signed_in");
        post.Body.ShouldNotContain(email);
        var log = portal.Services.GetRequiredService<AuditLog>();
        var line = await Eventually.GetAsync(async () => (await log.ExportAsync(AuditFilter.All)).SingleOrDefault());
        line.ShouldNotContain("\"id\"");
        post.Body.ShouldBe($"{{\"id\":\"{post.Headers["webhook-id"]}\"," + line[1..]);
    }

    [Fact]
    public async Task An_endpoint_that_fails_for_an_hour_loses_nothing()
    {
        await using var portal = await StartAsync();
        var end = portal.Clock.GetUtcNow() + TimeSpan.FromHours(1);
        var accepted = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var failed = 0;
        _receiver.Handle = context =>
        {
            if (portal.Clock.GetUtcNow() >= end) accepted.Enqueue(context.Request.Headers["webhook-id"]!);
            else
            {
                Interlocked.Increment(ref failed);
                context.Response.StatusCode = 500;
            }
            return Task.CompletedTask;
        };

        Write(portal, Outcomes("before", 20));
        await portal.Clock.AdvanceUntilAsync(() => portal.Clock.GetUtcNow() >= end - TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(5));
        Write(portal, Outcomes("during", 20));
        await portal.Clock.AdvanceUntilAsync(() => portal.Clock.GetUtcNow() >= end - TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(5));
        accepted.ShouldBeEmpty();
        await portal.Clock.AdvanceUntilAsync(() => accepted.Distinct().Count() >= 40, TimeSpan.FromSeconds(1));

        // 1, 2, 4, … 256 s, and then every 5 minutes.
        failed.ShouldBeInRange(15, 40);
        FirstDeliveries(_receiver.Requests).ShouldBe([.. Outcomes("before", 20), .. Outcomes("during", 20)]);
        accepted.Distinct().Count().ShouldBe(40);
        portal.Log.Text.ShouldContain("127.0.0.1 did not accept an audit event");
        portal.Log.Text.ShouldContain("127.0.0.1 accepts audit events again");
        portal.Log.Text.ShouldNotContain("tenant=1");
        portal.Log.Text.ShouldNotContain("Lost ");
    }

    [Theory]
    [InlineData("120", 120)]
    [InlineData("Sun, 01 Mar 2026 12:02:00 GMT", 120)]
    [InlineData("86400", 3600)]
    public async Task Waits_as_long_as_Retry_After_says_but_at_most_an_hour(string retryAfter, int seconds)
    {
        await using var portal = await StartAsync();
        var start = portal.Clock.GetUtcNow();
        var times = new System.Collections.Concurrent.ConcurrentQueue<TimeSpan>();
        _receiver.Handle = context =>
        {
            times.Enqueue(portal.Clock.GetUtcNow() - start);
            if (times.Count > 1) return Task.CompletedTask;
            context.Response.StatusCode = 503;
            context.Response.Headers.RetryAfter = retryAfter;
            return Task.CompletedTask;
        };

        Write(portal, "one");
        await WaitAsync(portal, () => portal.Log.Text.Contains("did not accept", StringComparison.Ordinal));
        await portal.Clock.AdvanceUntilAsync(() => times.Count == 2, TimeSpan.FromSeconds(seconds / 120));

        times.Last().TotalSeconds.ShouldBeInRange(seconds, seconds * 2);
    }

    [Theory]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(400)]
    [InlineData(410)]
    [InlineData(429)]
    public async Task Any_status_but_2xx_is_retried_and_no_redirect_is_followed(int status)
    {
        await using var portal = await StartAsync();
        _receiver.Answer = count => count < 3 ? (status, "") : (200, "");

        Write(portal, "one", "two");
        await portal.Clock.AdvanceUntilAsync(() => FirstDeliveries(_receiver.Requests).Count == 2, TimeSpan.FromSeconds(1));

        _receiver.Requests.Take(3).Select(Outcome).ShouldBe(["one", "one", "one"]);
        FirstDeliveries(_receiver.Requests).ShouldBe(["one", "two"]);
    }

    [Fact]
    public async Task A_request_without_a_response_ends_after_10_seconds_and_is_repeated()
    {
        await using var portal = await StartAsync();
        _receiver.Answer = count => count == 1 ? null : (200, "");

        Write(portal, "one");
        await WaitAsync(portal, () => _receiver.Requests.Count == 1);
        portal.Clock.Advance(TimeSpan.FromSeconds(5));
        portal.Log.Text.ShouldNotContain("did not accept");
        await portal.Clock.AdvanceUntilAsync(() => _receiver.Requests.Count >= 2, TimeSpan.FromSeconds(1));

        portal.Log.Text.ShouldContain("no response within 10 s");
        FirstDeliveries(_receiver.Requests).ShouldBe(["one"]);
    }

    [Fact]
    public async Task Two_replicas_send_one_stream_in_order()
    {
        await using var one = await StartAsync();
        await using var two = await one.StartReplicaAsync();
        var parallel = 0;
        var highest = 0;
        _receiver.Handle = async context =>
        {
            highest = Math.Max(highest, Interlocked.Increment(ref parallel));
            await Task.Yield();
            Interlocked.Decrement(ref parallel);
        };

        await Task.WhenAll(Task.Run(() => Write(one, Outcomes("a", 100))), Task.Run(() => Write(two, Outcomes("b", 100))));
        await one.Clock.AdvanceUntilAsync(() => FirstDeliveries(_receiver.Requests).Count == 200, TimeSpan.FromMilliseconds(10));

        var outcomes = FirstDeliveries(_receiver.Requests);
        outcomes.Where(outcome => outcome[0] == 'a').ShouldBe(Outcomes("a", 100));
        outcomes.Where(outcome => outcome[0] == 'b').ShouldBe(Outcomes("b", 100));
        highest.ShouldBe(1);
    }

    [Fact]
    public async Task Events_of_a_replica_that_stopped_are_sent_by_another()
    {
        await using var one = await StartAsync();
        _receiver.AlwaysAnswer(503, "");
        await using (var two = await one.StartReplicaAsync())
        {
            Write(two, Outcomes("e", 10));
            await WaitForQueueAsync(two, 10);
        }
        var before = _receiver.Requests.Count;

        _receiver.AlwaysAnswer(204, "");
        await one.Clock.AdvanceUntilAsync(
            () => FirstDeliveries(_receiver.Requests.Skip(before)).Count == 10, TimeSpan.FromSeconds(1));

        FirstDeliveries(_receiver.Requests.Skip(before)).ShouldBe(Outcomes("e", 10));
    }

    [Fact]
    public async Task Takes_over_from_a_replica_that_died_when_its_lease_has_expired()
    {
        await using var portal = await StartAsync();
        var until = portal.Clock.GetUtcNow() + AuditLease.Duration;
        await StoreOf(portal).StringSetAsync(AuditLease.Key, $"ADeadReplica {until.ToUnixTimeMilliseconds()}");

        Write(portal, "one");
        await WaitForQueueAsync(portal, 1);
        await portal.Clock.AdvanceUntilAsync(() => portal.Clock.GetUtcNow() >= until - TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(1));
        _receiver.Requests.ShouldBeEmpty();
        await portal.Clock.AdvanceUntilAsync(() => _receiver.Requests.Count > 0, TimeSpan.FromSeconds(1));

        portal.Clock.GetUtcNow().ShouldBeGreaterThanOrEqualTo(until);
    }

    [Fact]
    public async Task Beyond_the_bound_the_oldest_events_are_dropped_and_logged()
    {
        _receiver.AlwaysAnswer(500, "");
        await using var portal = await StartAsync();
        var store = StoreOf(portal);
        foreach (var chunk in Outcomes("old", AuditQueue.MaxLength).Chunk(10_000))
        {
            await store.ListRightPushAsync(
                AuditQueue.Key, [.. chunk.Select(each => (RedisValue)$"{{\"id\":\"{each}\",\"outcome\":\"{each}\"}}")]);
        }

        Write(portal, Outcomes("new", 5));
        await WaitAsync(portal, () => portal.Log.Text.Contains("audit events of webhook", StringComparison.Ordinal));
        await portal.Clock.AdvanceUntilAsync(
            async () => ((string)(await store.ListGetByIndexAsync(AuditQueue.Key, 0))!).Contains("\"old6\"", StringComparison.Ordinal),
            TimeSpan.FromMilliseconds(10));

        (await store.ListLengthAsync(AuditQueue.Key)).ShouldBe(AuditQueue.MaxLength);
        ((string)(await store.ListGetByIndexAsync(AuditQueue.Key, -1))!).ShouldContain("\"new5\"");
    }

    [Fact]
    public async Task Events_wait_in_memory_while_the_store_is_down()
    {
        using var redis = RedisServer.Start();
        await using var portal = await PortalHost.StartOnAsync(redis, _receiver.Address, Settings);
        redis.Stop();

        Write(portal, Outcomes("e", 10));
        await portal.Clock.AdvanceUntilAsync(
            () => portal.Log.Text.Contains("Audit events wait in memory", StringComparison.Ordinal), TimeSpan.FromSeconds(1));
        redis.StartAgain();
        await portal.Clock.AdvanceUntilAsync(() => FirstDeliveries(_receiver.Requests).Count == 10, TimeSpan.FromSeconds(1));

        FirstDeliveries(_receiver.Requests).ShouldBe(Outcomes("e", 10));
        portal.Log.Text.ShouldNotContain("Lost ");
    }

    [Theory]
    [InlineData("AUDIT_URL must be an https:// URL, or http:// for localhost, but is \"http://siem.example.com\".",
        "AUDIT_URL", "http://siem.example.com/secret-path", "AUDIT_SECRET", Secret)]
    [InlineData("AUDIT_SECRET is missing, but AUDIT_URL is set.", "AUDIT_URL", "https://siem.example.com")]
    [InlineData("AUDIT_SECRET is set, but AUDIT_URL is missing.", "AUDIT_SECRET", Secret)]
    [InlineData("AUDIT_SECRET is not a key.", "AUDIT_URL", "https://siem.example.com", "AUDIT_SECRET", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")]
    [InlineData("AUDIT_SECRET is not a key.", "AUDIT_URL", "https://siem.example.com", "AUDIT_SECRET", "whsec_tooshort")]
    [InlineData("AUDIT_SECRET is not a key.",
        "AUDIT_URL", "https://siem.example.com", "AUDIT_SECRET", "whsec_not/base64!not/base64!not/base64!")]
    [InlineData("AUDIT_FILE must be a file that the portal can write, but is \"/proc/audit.jsonl\".", "AUDIT_FILE", "/proc/audit.jsonl")]
    public void Invalid_settings_stop_the_start(string error, params string[] settings)
    {
        var values = settings.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        values["AUTH_SECRET_KEY"] = PortalHost.Secret;

        var message = Should.Throw<SettingsException>(() => AllSettings.Read(values, isProduction: false)).Errors.ShouldHaveSingleItem();

        message.ShouldStartWith(error);
        message.ShouldNotContain(Secret);
    }

    [Theory]
    [InlineData("http://localhost:8080/hook")]
    [InlineData("http://127.0.0.1/hook")]
    [InlineData("http://[::1]/hook")]
    [InlineData("https://siem.example.com/hook")]
    public void Https_and_localhost_are_allowed(string url) => Should.NotThrow(() => AllSettings.Read(
        new Dictionary<string, string>
        {
            ["AUTH_SECRET_KEY"] = PortalHost.Secret,
            ["MAIL_TRANSPORT"] = "mailbox",
            ["AUDIT_URL"] = url,
            ["AUDIT_SECRET"] = Secret,
        },
        isProduction: true));
}
