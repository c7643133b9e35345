using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;
using Xunit.Abstractions;

namespace OtpPortal.E2E;

/// <summary>Tests replicas behind a proxy with round-robin load balancing.</summary>
public sealed class ReplicaTests(ReplicasStage stage, ITestOutputHelper output) : BrowserTest(stage), IClassFixture<ReplicasStage>
{
    private const string ExpectedConsoleErrors = "WebSocket|connection|circuit|ERR_|status of 50";

    [Fact]
    public async Task A_sign_in_succeeds_when_every_request_goes_to_another_replica()
    {
        using var ann = Arrive();
        var steps = new List<PlainAnswer>
        {
            (await ann.GetAsync("/")).ShouldBe(200),
            (await ann.PostAsync("/login", "email", ann.Address)).ShouldBe(303, "/login/code"),
            (await ann.GetAsync("/login/code")).ShouldBe(200),
            (await ann.PostAsync("/login-otp", "code", WrongCode(await stage.Postmark.CodeAsync(ann.Address))))
                .ShouldBe(303, "/login/code"),
        };
        var told = (await ann.GetAsync("/login/code")).ShouldBe(200);
        told.Body.ShouldContain("4 attempts left");
        steps.Add(told);
        steps.Add((await ann.PostAsync("/login-otp", "code", await stage.Postmark.CodeAsync(ann.Address))).ShouldBe(303, "/"));
        var signedIn = (await ann.GetAsync("/")).ShouldBe(200);
        signedIn.Body.ShouldContain(ann.Address);
        steps.Add(signedIn);

        var replicas = steps.Select(step => step.ServedBy).ToList();
        replicas.Zip(replicas.Skip(1)).ShouldAllBe(pair => pair.First != pair.Second);
        stage.Postmark.To(ann.Address).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_revocation_takes_effect_on_both_replicas_immediately()
    {
        using var ann = Arrive();
        await SignInAsync(ann);
        using var operators = Arrive();
        foreach (var replica in stage.Replicas) (await CheckAuthOnAsync(replica, ann)).ShouldBe(200);
        var list = await operators.SendAsync(HttpMethod.Get, $"/auth-tokens?email={ann.Address}&details=1", bearer: ReplicasStage.Secret);
        var session = JsonDocument.Parse(list.ShouldBe(200).Body).RootElement[0].GetProperty("id").GetString();

        (await operators.SendAsync(HttpMethod.Delete, $"/auth-tokens/{session}", bearer: ReplicasStage.Secret)).ShouldBe(204);

        foreach (var replica in stage.Replicas) (await CheckAuthOnAsync(replica, ann)).ShouldBe(403);
        (await ann.GetAsync("/check-auth")).ShouldBe(403);
        (await ann.GetAsync("/check-auth")).ShouldBe(403);
    }

    [Fact]
    public async Task Replicas_share_the_rate_limits()
    {
        // Five codes per address, across all clients and replicas.
        var address = $"often.{Guid.NewGuid():N}@example.com";
        foreach (var _ in Enumerable.Range(0, 5))
        {
            using var somebody = Arrive();
            (await somebody.PostAsync("/login", "email", address)).ShouldBe(303, "/login/code");
        }
        foreach (var replica in stage.Replicas)
        {
            using var somebody = Arrive(replica);
            (await somebody.PostAsync("/login", "email", address)).Status.ShouldBe(429);
        }

        // Ten wrong secrets per client, identified by its own address instead of that of the proxy.
        using var guesser = Arrive(source: "127.0.7.7");
        var guesses = new List<PlainAnswer>();
        foreach (var guess in Enumerable.Range(0, 10))
            guesses.Add((await guesser.SendAsync(HttpMethod.Get, "/auth-tokens", bearer: $"wrong-{guess}")).ShouldBe(403));
        guesses.Select(guess => guess.ServedBy).Distinct().Count().ShouldBe(2);
        foreach (var _ in stage.Replicas)
            (await guesser.SendAsync(HttpMethod.Get, "/auth-tokens", bearer: ReplicasStage.Secret)).Status.ShouldBe(429);
        using var other = Arrive(source: "127.0.7.8");
        (await other.SendAsync(HttpMethod.Get, "/auth-tokens", bearer: ReplicasStage.Secret)).ShouldBe(200);
    }

    [Fact]
    public async Task A_sign_in_succeeds_when_page_and_circuit_are_on_different_replicas()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginWatchedAsync(ann);
        // Which replica gets the circuit depends on the number of requests in between.
        await Until.TrueAsync("a circuit at the other replica than its page", async () =>
        {
            if (code.PageAt != code.CircuitAt) return true;
            await code.Page.Page.ReloadAsync();
            await code.Page.BecomesInteractiveAsync();
            return false;
        });

        await code.Page.TypeAsync(await stage.Postmark.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page.Page, ann.Address);
        stage.Postmark.To(ann.Address).Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_other_replica_continues_the_sign_in_after_a_replica_is_killed()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(ExpectedConsoleErrors);
        var code = await BeginWatchedAsync(ann);
        var right = await stage.Postmark.CodeAsync(ann.Address);
        await code.Page.TypeAsync(WrongCode(right));
        await Expect(code.Page.Error).ToContainTextAsync("4 attempts left");
        var dying = code.CircuitAt!;

        await dying.KillAsync();

        // The remaining replica does not know the circuit, so the page offers a reload.
        await code.Page.NavigateByAsync(() => code.Page.ReconnectNotice.GetByRole(AriaRole.Link).ClickAsync());
        await code.Page.BecomesInteractiveAsync();
        await Until.TrueAsync("a circuit at the other replica", () => Task.FromResult(code.CircuitAt != dying));
        await Expect(code.Page.Heading).ToHaveTextAsync("Check your email");
        await Expect(code.Page.Error).ToContainTextAsync("4 attempts left");
        await code.Page.TypeAsync(right);
        await SignedInPage.IsShownAsync(code.Page.Page, ann.Address);
        stage.Postmark.To(ann.Address).Count.ShouldBe(1);

        await dying.StartAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public async Task A_rolling_restart_causes_no_failures_even_under_heavy_load(int busyLoops)
    {
        using var busy = new BusyLoops(busyLoops);
        // A user whose open page outlasts the restart of both replicas.
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(ExpectedConsoleErrors);
        var code = await BeginWatchedAsync(ann);
        var clock = Stopwatch.StartNew();

        using var end = new CancellationTokenSource();
        var (succeeded, failures) = (0, new ConcurrentQueue<string>());
        var signIns = Enumerable.Range(0, 10).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested || Volatile.Read(ref succeeded) + failures.Count < 200)
            {
                try
                {
                    using var somebody = Arrive();
                    await SignInAsync(somebody);
                    Interlocked.Increment(ref succeeded);
                }
                catch (Exception e) when (e is HttpRequestException
                    or OperationCanceledException or TimeoutException or ShouldAssertException)
                {
                    failures.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {e.Message}");
                }
            }
        })).ToList();
        try
        {
            foreach (var replica in stage.Replicas) await RestartAsync(replica);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(signIns);
        }

        output.WriteLine($"{succeeded} sign-ins succeeded in {clock.Elapsed.TotalSeconds:F1} s.");
        failures.ShouldBeEmpty($"{succeeded} sign-ins succeeded.\n{stage.Log}");
        succeeded.ShouldBeGreaterThanOrEqualTo(200);
        await code.Page.BecomesInteractiveAsync();
        await code.Page.TypeAsync(await stage.Postmark.CodeAsync(ann.Address));
        await SignedInPage.IsShownAsync(code.Page.Page, ann.Address);
        stage.Postmark.To(ann.Address).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_terminating_replica_sends_its_queued_messages()
    {
        var replica = stage.Replicas[1];
        stage.Postmark.Hold();
        // More than the number of concurrent sends, so that some wait in the queue.
        var waiting = Enumerable.Range(0, 12).Select(_ => $"held.{Guid.NewGuid():N}@example.com").ToList();
        foreach (var address in waiting)
        {
            using var direct = Arrive(replica);
            (await direct.PostAsync("/login", "email", address)).ShouldBe(303, "/login/code");
        }

        replica.Terminate();
        await Until.TrueAsync("the end of listening", async () => !await replica.ListensAsync());
        waiting.ShouldAllBe(address => stage.Postmark.To(address).Count == 0);
        stage.Postmark.Release();

        (await replica.ExitCodeAsync()).ShouldBe(0, replica.Log);
        waiting.ShouldAllBe(address => stage.Postmark.To(address).Count == 1, replica.Log);
        await replica.StartAsync();
    }

    private async Task RestartAsync(PortalProcess replica)
    {
        (await AcceptsCircuitsAsync(replica)).ShouldBeTrue();
        var clock = Stopwatch.StartNew();
        replica.Terminate();
        await Until.TrueAsync("/readyz of a replica that ends", () => replica.AnswersAsync("/readyz", HttpStatusCode.ServiceUnavailable));
        using (var late = Arrive(replica))
        {
            (await late.GetAsync("/")).ShouldBe(200);
            (await late.PostAsync("/login", "email", late.Address)).ShouldBe(303, "/login/code");
        }
        (await AcceptsCircuitsAsync(replica)).ShouldBeFalse("pages would keep it alive");
        (await replica.ExitCodeAsync()).ShouldBe(0, replica.Log);
        output.WriteLine($"A replica ended after {clock.Elapsed.TotalSeconds:F1} s.");
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(30), replica.Log);
        await replica.StartAsync();
    }

    private static async Task<bool> AcceptsCircuitsAsync(PortalProcess replica)
    {
        using var circuit = new ClientWebSocket();
        try
        {
            await circuit.ConnectAsync(new Uri($"ws://127.0.0.1:{replica.Port}/_blazor"), CancellationToken.None);
            return true;
        }
        catch (WebSocketException)
        {
            return false;
        }
    }

    private PlainHttpUser Arrive(string source = "127.0.0.1") => new(Portal.Url, Portal.Url, source);

    /// <summary>Creates a client that bypasses the proxy.</summary>
    private PlainHttpUser Arrive(PortalProcess replica) => new($"http://127.0.0.1:{replica.Port}", Portal.Url);

    private async Task SignInAsync(PlainHttpUser user)
    {
        (await user.GetAsync("/")).ShouldBe(200);
        (await user.PostAsync("/login", "email", user.Address)).ShouldBe(303, "/login/code");
        (await user.GetAsync("/login/code")).ShouldBe(200);
        (await user.PostAsync("/login-otp", "code", await stage.Postmark.CodeAsync(user.Address))).ShouldBe(303, "/");
    }

    // Checks the user's session directly on a replica.
    private async Task<PlainAnswer> CheckAuthOnAsync(PortalProcess replica, PlainHttpUser user)
    {
        using var direct = Arrive(replica);
        return await direct.SendAsync(HttpMethod.Get, "/check-auth", bearer: user.Cookie("auth_token"));
    }

    private async Task<WatchedCodePage> BeginWatchedAsync(BrowserUser user)
    {
        var start = await AddressPage.OpenInteractiveAsync(user);
        var watched = await WatchedCodePage.WatchAsync(new CodePage(start.Page), stage);
        await start.SendToAsync(user.Address);
        await watched.Page.BecomesInteractiveAsync();
        await Until.TrueAsync("a circuit", () => Task.FromResult(watched.CircuitAt is not null));
        return watched;
    }

    /// <summary>A code page that records which replicas served the page and the circuit.</summary>
    private sealed class WatchedCodePage(CodePage page)
    {
        public CodePage Page => page;

        public PortalProcess? PageAt { get; private set; }

        public PortalProcess? CircuitAt { get; private set; }

        public static async Task<WatchedCodePage> WatchAsync(CodePage page, ReplicasStage stage)
        {
            var watched = new WatchedCodePage(page);
            page.Page.Response += (_, response) =>
            {
                if (response.Request.IsNavigationRequest && response.Headers.TryGetValue("x-served-by", out var replica))
                    watched.PageAt = stage.ReplicaOf(replica);
            };
            // Playwright does not expose the headers of WebSockets.
            var tools = await page.Page.Context.NewCDPSessionAsync(page.Page);
            await tools.SendAsync("Network.enable");
            tools.Event("Network.webSocketHandshakeResponseReceived").OnEvent += (_, handshake) =>
            {
                var headers = handshake!.Value.GetProperty("response").GetProperty("headers");
                if (headers.EnumerateObject()
                    .FirstOrDefault(
                        header => header.Name.Equals(
                            Nginx.ServedBy, StringComparison.OrdinalIgnoreCase)) is { Value.ValueKind: JsonValueKind.String } replica)
                {
                    watched.CircuitAt = stage.ReplicaOf(replica.Value.GetString()!) ?? watched.CircuitAt;
                }
            };
            return watched;
        }
    }
}
