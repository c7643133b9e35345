using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests verifications whose message is rejected, delayed or held back.</summary>
public sealed class SendingTests
{
    private const string Number = "+4915123456789";

    [Theory]
    [InlineData(500, 2)]
    [InlineData(429, 2)]
    [InlineData(400, 1)]
    [InlineData(404, 1)]
    [InlineData(302, 1)]
    public async Task The_status_of_a_webhook_only_decides_whether_it_is_retried(int status, int posts)
    {
        var posted = 0;
        await using var hook = await HookAsync(context =>
        {
            Interlocked.Increment(ref posted);
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "https://elsewhere.example";
            return context.Response.WriteAsync("account 4711 of the internal network has no credit");
        });
        await using var portal = await StartWithHookAsync(hook);
        var app = new GatewayClient(portal, "MyApp", "secret");
        for (var round = 1; round <= 7; round++)
        {
            var id = GatewayClient.NewId();

            var put = app.PutAsync(id, ("provider", "hook"), ("to", $"somebody {round}"), ("otp", "123456"));
            await portal.Clock.AdvanceUntilAsync(() => put.IsCompleted, TimeSpan.FromSeconds(1));

            (await put).Status.ShouldBe(200, "the message was delivered, whatever the response says");
            posted.ShouldBe(round * posts);
            (await app.CheckAsync(id, "123456")).Status.ShouldBe(200);
        }
        var shown = status.ToString(System.Globalization.CultureInfo.InvariantCulture);
        portal.Log.Lines.ShouldContain(line => line.StartsWith("Warning", StringComparison.Ordinal)
            && line.Contains("hook", StringComparison.Ordinal) && line.Contains(shown, StringComparison.Ordinal));
        portal.Log.Text.ShouldNotContain("4711");
    }

    [Fact]
    public async Task A_verification_stays_valid_when_the_webhook_is_unreachable()
    {
        var url = $"http://127.0.0.1:{FreePort.Next()}/otp";
        await using var portal = await PortalHost.StartWithAsync(
            null, new Uri(url), ("NAMESPACES", "MyApp:secret"), ("WEBHOOKS", "hook"), ("WEBHOOK_HOOK_URL", url));
        var (app, id) = (new GatewayClient(portal, "MyApp", "secret"), GatewayClient.NewId());

        var put = app.PutAsync(id, ("provider", "hook"), ("to", "somebody"), ("otp", "123456"));
        await portal.Clock.AdvanceUntilAsync(() => put.IsCompleted, TimeSpan.FromSeconds(1));

        (await put).Status.ShouldBe(502);
        (await app.CheckAsync(id, "000000")).Status.ShouldBe(400);
        (await app.CheckAsync(id, "123456")).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(400)]
    [InlineData(302)]
    public async Task A_provider_failure_is_reported_without_the_providers_message(int status)
    {
        await using var hook = await HookAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "https://elsewhere.example";
            return context.Response.WriteAsync("account 4711 of the internal network has no credit");
        });
        await using var portal = await PortalHost.StartWithAsync(
            null, new Uri(hook.Urls.Single()), ("NAMESPACES", "MyApp:secret"), ("SMS_PROVIDERS", "sipgate_sms"), ("SMS_COUNTRIES", "DE"),
            ("SIPGATE_USERNAME", "u"), ("SIPGATE_PASSWORD", "p"), ("SIPGATE_API_URL", hook.Urls.Single()));
        var (app, id) = (new GatewayClient(portal, "MyApp", "secret"), GatewayClient.NewId());

        var put = app.PutAsync(id, ("provider", "sipgate_sms"), ("to", Number), ("otp", "123456"));
        await portal.Clock.AdvanceUntilAsync(() => put.IsCompleted, TimeSpan.FromSeconds(1));
        var answer = await put;

        answer.Status.ShouldBe(502);
        answer.Json.GetProperty("message").GetString().ShouldBe("The message could not be sent.");
        (await app.CheckAsync(id, "123456")).Json.GetProperty("message").GetString()
            .ShouldBe("the OTP does not exist", "no user has the code");
    }

    [Fact]
    public async Task An_unresponsive_provider_times_out()
    {
        await using var hook = await HookAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        await using var portal = await StartWithHookAsync(hook);
        var app = new GatewayClient(portal, "MyApp", "secret");

        var put = app.PutAsync(GatewayClient.NewId(), ("provider", "hook"), ("to", "somebody"));
        await portal.Clock.AdvanceUntilAsync(() => put.IsCompleted, TimeSpan.FromSeconds(5));

        (await put).Status.ShouldBe(502);
    }

    [Fact]
    public async Task An_entered_address_is_kept_when_its_message_fails()
    {
        await using var hook = await HookAsync(context =>
        {
            context.Response.StatusCode = 400;
            return Task.CompletedTask;
        });
        await using var portal = await PortalHost.StartWithAsync(
            null, new Uri(hook.Urls.Single()), ("NAMESPACES", "MyApp:secret"), ("SMS_PROVIDERS", "sipgate_sms"), ("SMS_COUNTRIES", "DE"),
            ("SIPGATE_USERNAME", "u"), ("SIPGATE_PASSWORD", "p"), ("SIPGATE_API_URL", hook.Urls.Single()));
        var (app, id, visitor) = (new GatewayClient(portal, "MyApp", "secret"), GatewayClient.NewId(), portal.NewBrowser());
        await app.PutAsync(id, ("provider", "sipgate_sms"), ("otp", "123456"));

        var failed = await visitor.PostAsync($"/otp/MyApp/{id}/address", ("to", Number));
        var other = await visitor.PostAsync($"/otp/MyApp/{id}/address", ("to", "+4915112345679"));

        failed.Status.ShouldBe(502);
        failed.Find("input[name=otp]").ShouldNotBeNull("the code page, which offers to send it again");
        other.Status.ShouldBe(303);
        var checkedCode = await app.CheckAsync(id, "123456");
        (checkedCode.Status, checkedCode.Json.GetProperty("data").GetProperty("to").GetString()).ShouldBe((200, Number));
    }

    [Fact]
    public async Task A_success_is_not_shown_on_the_pages_of_the_next_verification()
    {
        await using var portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"));
        var app = new GatewayClient(portal, "MyApp", "secret");
        var (id, code) = await app.BeginAsync();
        await app.CheckAsync(id, code);
        var program = portal.NewApiClient();
        (await program.GetAsync($"/otp/MyApp/{id}/status")).Json.GetProperty("data").GetProperty("closed").GetBoolean().ShouldBeTrue();

        await app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()), ("ttl", "5"));
        portal.Clock.Advance(TimeSpan.FromSeconds(6));

        (await program.GetAsync($"/otp/MyApp/{id}/status")).Status.ShouldBe(400, "the new one has expired");
    }

    [Fact]
    public async Task A_failed_send_for_a_live_id_does_not_reset_the_attempts()
    {
        var fails = false;
        await using var server = await HookAsync(context =>
        {
            context.Response.StatusCode = fails ? 400 : 204;
            return Task.CompletedTask;
        });
        await using var portal = await PortalHost.StartWithAsync(
            null, new Uri(server.Urls.Single()), ("NAMESPACES", "MyApp:secret"), ("SMS_PROVIDERS", "sipgate_sms"), ("SMS_COUNTRIES", "DE"),
            ("SIPGATE_USERNAME", "u"), ("SIPGATE_PASSWORD", "p"), ("SIPGATE_API_URL", server.Urls.Single()));
        var (app, id) = (new GatewayClient(portal, "MyApp", "secret"), GatewayClient.NewId());
        (await app.PutAsync(id, ("provider", "sipgate_sms"), ("to", Number), ("otp", "123456"), ("max_attempts", "1"))).Status
            .ShouldBe(200);
        fails = true;

        (await app.PutAsync(id, ("provider", "sipgate_sms"), ("to", Number), ("otp", "654321"), ("max_attempts", "1"))).Status
            .ShouldBe(502);

        (await app.CheckAsync(id, "111111")).Status.ShouldBe(400);
        (await app.CheckAsync(id, "654321")).Status.ShouldBe(429);
    }

    [Fact]
    public async Task The_webhook_receives_the_same_body_as_from_otpgateway()
    {
        string? body = null;
        await using var hook = await HookAsync(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            body = await reader.ReadToEndAsync();
        });
        await using var portal = await StartWithHookAsync(hook);
        var (app, id) = (new GatewayClient(portal, "MyApp", "secret"), GatewayClient.NewId());

        (await app.PutAsync(id, ("provider", "hook"), ("to", "somebody"), ("otp", "123456"), ("extra", """{"a":1}"""))).Status
            .ShouldBe(200);

        var posted = System.Text.Json.JsonDocument.Parse(body!).RootElement;
        posted.GetProperty("subject").GetString()!.ShouldContain("MyApp");
        posted.GetProperty("body").GetString()!.ShouldContain("123456");
        var otp = posted.GetProperty("otp");
        (otp.GetProperty("namespace").GetString(), otp.GetProperty("id").GetString(), otp.GetProperty("to")
            .GetString(), otp.GetProperty("otp").GetString()).ShouldBe(("MyApp", id, "somebody", "123456"));
        otp.GetProperty("extra").GetProperty("a").GetInt32().ShouldBe(1);
        (otp.GetProperty("max_attempts").GetInt32(), otp.GetProperty("ttl").GetInt32(), otp.GetProperty("closed").GetBoolean())
            .ShouldBe((5, 300, false));
    }

    [Fact]
    public async Task The_stated_code_lifetime_is_rounded_up_to_full_minutes()
    {
        await using var portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"));
        var (app, id) = (new GatewayClient(portal, "MyApp", "secret"), GatewayClient.NewId());
        await app.PutAsync(id, ("provider", "mailbox"), ("skip_delete", "true"));
        portal.Clock.Advance(TimeSpan.FromMilliseconds(20));
        var to = TestUser.New();

        await portal.NewBrowser().PostAsync($"/otp/MyApp/{id}/address", ("to", to));

        await portal.CodeForAsync(to);
        (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Body.ShouldContain("It expires in 5 minutes.");
    }

    [Fact]
    public async Task The_returned_ttl_is_not_reduced_by_a_slow_provider()
    {
        PortalHost? portal = null;
        await using var hook = await HookAsync(_ =>
        {
            portal!.Clock.Advance(TimeSpan.FromSeconds(3));
            return Task.CompletedTask;
        });
        portal = await StartWithHookAsync(hook);
        await using var stop = portal;
        var (app, id) = (new GatewayClient(portal, "MyApp", "secret"), GatewayClient.NewId());

        var answer = await app.PutAsync(id, ("provider", "hook"), ("to", "somebody"), ("otp", "123456"), ("ttl", "90"));

        answer.Json.GetProperty("data").GetProperty("ttl").GetInt32().ShouldBe(90);
        (await app.CheckAsync(id, "000000")).Json.GetProperty("data").GetProperty("ttl").GetInt32().ShouldBe(87);
    }

    [Fact]
    public async Task An_unsupported_country_returns_429_to_the_namespace_and_looks_normal_on_the_page()
    {
        await using var portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"), ("SMS_PROVIDERS", "mailbox"));
        var (app, visitor, id) = (new GatewayClient(portal, "MyApp", "secret"), portal.NewBrowser(), GatewayClient.NewId());

        var refused = await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", Number));
        await app.PutAsync(id, ("provider", "mailbox"), ("otp", "998877"));
        var named = await visitor.PostAsync($"/otp/MyApp/{id}/address", ("to", Number));

        refused.Status.ShouldBe(429);
        refused.RetryAfter.ShouldBeGreaterThan(0);
        refused.Json.GetProperty("message").GetString()!.ShouldContain("SMS_COUNTRIES");
        (named.Status, named.Location).ShouldBe((303, "/otp/MyApp/" + id));
        (await visitor.GetAsync("/otp/MyApp/" + id)).Text.ShouldContain("code we sent to " + Number);
        (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Body.ShouldBe("[]");
    }

    [Fact]
    public async Task An_SMS_is_bound_to_the_host_of_the_portal()
    {
        await using var portal = await PortalHost.StartAsync(
            ("NAMESPACES", "MyApp:secret"), ("SMS_PROVIDERS", "mailbox"), ("SMS_COUNTRIES", "DE"), ("SMS_DEFAULT_COUNTRY", "DE"),
            ("PUBLIC_URL", "https://otp.example.com"));
        var app = new GatewayClient(portal, "MyApp", "secret");

        var answer = await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", "0151 / 2345 6789"), ("otp", "998877"));

        answer.Status.ShouldBe(200, answer.Body);
        answer.Json.GetProperty("data").GetProperty("to").GetString().ShouldBe("0151 / 2345 6789", "as it was sent");
        var message = (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json[0];
        message.GetProperty("to").GetString().ShouldBe(Number);
        message.GetProperty("text").GetString()!.Split('\n')[^1].ShouldBe("@otp.example.com #998877");
    }

    private static Task<PortalHost> StartWithHookAsync(WebApplication hook) => PortalHost.StartWithAsync(
        null, new Uri(hook.Urls.Single()), ("NAMESPACES", "MyApp:secret"), ("WEBHOOKS", "hook"),
        ("WEBHOOK_HOOK_URL", hook.Urls.Single() + "/otp"));

    private static async Task<WebApplication> HookAsync(Func<HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls($"http://127.0.0.1:{FreePort.Next()}");
        var app = builder.Build();
        app.MapPost("/{**path}", (HttpContext context) => answer(context));
        await app.StartAsync();
        return app;
    }
}
