using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Gateway;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests the events that the gateway publishes and posts to webhooks.</summary>
public sealed class EventTests
{
    private const string Key = "the-key-of-the-receiver";

    [Fact]
    public async Task Publishes_attempts_and_successes_like_otpgateway_but_without_the_code()
    {
        await using var portal =
            await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"), ("GATEWAY_PUBLISH_KEY", "otp-events-of-this-test"));
        var heard = new ConcurrentQueue<string>();
        using var connection = await ConnectionMultiplexer.ConnectAsync(portal.StoreServers);
        await connection.GetSubscriber()
            .SubscribeAsync(RedisClientVersion.Channel("otp-events-of-this-test"), (_, message) => heard.Enqueue(message!));
        var app = new GatewayClient(portal, "MyApp", "secret");
        var (id, code) = await app.BeginAsync();

        await app.CheckAsync(id, GatewayClient.WrongCode(code));
        await Eventually.BeTrueAsync(() => heard.Count == 1);
        await app.CheckAsync(id, code);
        await Eventually.BeTrueAsync(() => heard.Count == 3);

        var events = heard.Select(text => JsonDocument.Parse(text).RootElement).ToArray();
        events.Select(each => each.GetProperty("type").GetString()).ShouldBe(["check", "check", "close"], ignoreOrder: true);
        events.ShouldAllBe(each => each.GetProperty("namespace").GetString() == "MyApp" && each.GetProperty("id").GetString() == id);
        events[0].GetProperty("data").GetProperty("attempts").GetInt32().ShouldBe(2);
        string.Join('\n', heard).ShouldNotContain(code);
    }

    [Fact]
    public async Task Posts_signed_verified_and_locked_events_to_their_own_namespace_only()
    {
        await using var receiver = await Receiver.StartAsync(_ => 204);
        await using var portal = await StartAsync(receiver);
        var (app, other) = (new GatewayClient(portal, "MyApp", "secret"), new GatewayClient(portal, "Other", "secret2"));
        var (verified, code) = await app.BeginAsync();
        var (locked, right) = await app.BeginAsync(("max_attempts", "1"));
        var (foreign, its) = await other.BeginAsync();

        await app.CheckAsync(verified, code);
        await other.CheckAsync(foreign, its);
        await app.CheckAsync(locked, GatewayClient.WrongCode(right));
        await Eventually.BeTrueAsync(() => receiver.Posts.Count == 2);

        var posts = receiver.Posts.ToDictionary(post => post.Event, StringComparer.Ordinal);
        posts.Keys.ShouldBe(["verified", "locked"], ignoreOrder: true);
        foreach (var (type, id) in new[] { ("verified", verified), ("locked", locked) })
        {
            var post = posts[type];
            var body = JsonDocument.Parse(post.Body).RootElement;
            body.GetProperty("type").GetString().ShouldBe(type);
            body.GetProperty("namespace").GetString().ShouldBe("MyApp");
            body.GetProperty("id").GetString().ShouldBe(id);
            body.GetProperty("data").GetProperty("closed").GetBoolean().ShouldBe(type == "verified");
            ShouldBeSigned(post, portal.Clock.GetUtcNow());
        }
        receiver.Posts.ShouldAllBe(
            post => !post.Body.Contains(code, StringComparison.Ordinal) && !post.Body.Contains(foreign, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failed_post_is_retried_with_the_same_id_and_a_new_signature()
    {
        await using var receiver = await Receiver.StartAsync(count => count < 3 ? 500 : 200);
        await using var portal = await StartAsync(receiver);
        var app = new GatewayClient(portal, "MyApp", "secret");
        var (id, code) = await app.BeginAsync();

        await app.CheckAsync(id, code);
        await portal.Clock.AdvanceUntilAsync(() => receiver.Posts.Count == 3, TimeSpan.FromSeconds(1));

        var posts = receiver.Posts.ToArray();
        posts.Select(post => post.Delivery).Distinct().ShouldHaveSingleItem();
        posts.Select(post => post.Signature).Distinct().Count().ShouldBe(3);
        portal.Log.Text.ShouldContain("Could not post the event");
    }

    [Fact]
    public async Task An_unresponsive_receiver_does_not_delay_others()
    {
        await using var server = await RecordingServer.StartAsync();
        server.Handle = context => context.Request.Path == "/hangs"
            ? Task.WhenAny(Task.Delay(Timeout.Infinite, context.RequestAborted))
            : Task.CompletedTask;
        await using var portal = await PortalHost.StartWithAsync(null, server.Address);
        var (webhooks, key) = (portal.Services.GetRequiredService<EventWebhooks>(), Encoding.ASCII.GetBytes(Key));
        var slow = new EventTarget(new Uri(server.Address, "hangs"), key);
        var other = new EventTarget(new Uri(server.Address, "other"), key);
        for (var i = 0; i < 20; i++) webhooks.Enqueue(slow, "verified", [1]);
        await Eventually.BeTrueAsync(() => server.Requests.Count == 4);

        // The test clock does not advance, so nothing times out.
        webhooks.Enqueue(other, "locked", [2]);

        await Eventually.BeTrueAsync(() => server.Requests.Count == 5);
        server.Requests[^1].Path.ShouldBe("/other");
    }

    [Fact]
    public async Task Queued_events_are_posted_once_during_shutdown()
    {
        await using var server = await RecordingServer.StartAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Handle = async context =>
        {
            await gate.Task;
            context.Response.StatusCode = context.Request.Headers["X-OtpPortal-Event"] == "locked" ? 500 : 204;
        };
        await using var portal = await PortalHost.StartWithAsync(null, server.Address);
        var webhooks = portal.Services.GetRequiredService<EventWebhooks>();
        var target = new EventTarget(server.Address, Encoding.ASCII.GetBytes(Key));
        for (var i = 0; i < 20; i++) webhooks.Enqueue(target, i == 0 ? "locked" : "verified", [1]);
        await Eventually.BeTrueAsync(() => server.Requests.Count == 4);

        var stop = webhooks.StopAsync(CancellationToken.None);
        webhooks.Enqueue(target, "verified", [1]);
        gate.SetResult();
        await stop;

        server.Requests.Count.ShouldBe(20);
        portal.Log.Text.ShouldContain("after 1 attempts");
        portal.Log.Text.ShouldContain("the portal is stopping");
    }

    private static Task<PortalHost> StartAsync(Receiver receiver) => PortalHost.StartWithAsync(
        null, receiver.Address, ("NAMESPACES", "MyApp:secret,Other:secret2"), ("EVENTS_MYAPP_URL", receiver.Address + "hook"),
        ("EVENTS_MYAPP_SECRET", Key));

    private static void ShouldBeSigned(Post post, DateTimeOffset now)
    {
        var parts = post.Signature.Split(',').ToDictionary(part => part.Split('=')[0], part => part.Split('=')[1], StringComparer.Ordinal);
        long.Parse(parts["t"], CultureInfo.InvariantCulture).ShouldBe(now.ToUnixTimeSeconds());
        parts["v1"]
            .ShouldBe(
                Convert.ToHexStringLower(
                    HMACSHA256.HashData(Encoding.ASCII.GetBytes(Key), Encoding.UTF8.GetBytes($"{parts["t"]}.{post.Body}"))));
    }

    private sealed record Post(string Event, string Delivery, string Signature, string Body);

    /// <summary>A webhook receiver of a namespace.</summary>
    private sealed class Receiver(WebApplication app, ConcurrentQueue<Post> posts) : IAsyncDisposable
    {
        public ConcurrentQueue<Post> Posts => posts;

        public Uri Address => new(app.Urls.Single());

        public static async Task<Receiver> StartAsync(Func<int, int> answer)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls($"http://127.0.0.1:{FreePort.Next()}");
            var app = builder.Build();
            var posts = new ConcurrentQueue<Post>();
            app.MapPost("/hook", async context =>
            {
                using var reader = new StreamReader(context.Request.Body);
                var headers = context.Request.Headers;
                posts.Enqueue(
                    new Post(
                        headers["X-OtpPortal-Event"]!, headers["X-OtpPortal-Delivery"]!, headers["X-OtpPortal-Signature"]!,
                        await reader.ReadToEndAsync()));
                context.Response.StatusCode = answer(posts.Count);
            });
            await app.StartAsync();
            return new Receiver(app, posts);
        }

        public async ValueTask DisposeAsync() => await app.DisposeAsync();
    }
}
