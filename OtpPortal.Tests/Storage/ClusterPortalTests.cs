using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Storage;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;
using StackExchange.Redis;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests every feature on a Redis Cluster that holds both stores.</summary>
public sealed class ClusterPortalTests : IAsyncLifetime
{
    private RedisCluster _cluster = null!;
    private PortalHost _portal = null!;

    public async Task InitializeAsync()
    {
        _cluster = await RedisCluster.TakeAsync();
        _portal = await PortalHost.StartAsync(
            ("REDIS_URL_OTP", _cluster.Url), ("REDIS_URL_AUTH", _cluster.Url), ("NAMESPACES", "MyApp:secret"),
            ("GATEWAY_PUBLISH_KEY", "events"), ("NEW_DEVICE_MAIL", "true"), V2Portal.Setting);
    }

    public async Task DisposeAsync()
    {
        await _portal.DisposeAsync();
        await _cluster.ReturnAsync();
    }

    [Fact]
    public async Task Users_sign_in_are_checked_and_sign_out()
    {
        var email = TestUser.New();
        var browser = await _portal.SignInAsync(email);
        var second = await _portal.SignInAsync(email);

        (await browser.GetAsync("/check-auth")).Json.GetProperty("email").GetString().ShouldBe(email);
        (await second.GetAsync("/forward-auth")).Header("Remote-Email").ShouldBe(email);
        (await browser.GetAsync("/")).Status.ShouldBe(200);
        (await browser.GetAsync("/token")).Status.ShouldBe(200);
        var token = browser.Cookies["auth_token"];
        (await browser.PostAsync("/logout")).Status.ShouldBe(303);

        (await _portal.NewApiClient().GetAsync("/check-auth", ("Authorization", "Bearer " + token))).Status.ShouldBe(403);
        (await second.GetAsync("/check-auth")).Status.ShouldBe(200);
        (await _portal.NewApiClient().GetAsync("/readyz")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Wrong_codes_lock_a_sign_in()
    {
        var (browser, email) = (_portal.NewApiClient(), TestUser.New());
        await browser.PostAsync("/login", ("email", email));
        var code = await _portal.CodeForAsync(email);
        var wrong = GatewayClient.WrongCode(code);

        for (var left = 4; left >= 0; left--)
        {
            var answer = await browser.PostAsync("/login-otp", ("code", wrong));
            (answer.Status, answer.Json.GetProperty("attempts_left").GetInt32()).ShouldBe((401, left));
        }

        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task The_gateway_creates_checks_and_deletes_verifications_and_publishes_events()
    {
        var heard = new ConcurrentQueue<string>();
        using var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{_cluster.Nodes[2].Port}");
        await connection.GetSubscriber().SubscribeAsync(RedisClientVersion.Channel("events"), (_, message) => heard.Enqueue(message!));
        var app = new GatewayClient(_portal, "MyApp", "secret");
        var (id, code) = await app.BeginAsync();

        (await app.CheckAsync(id, GatewayClient.WrongCode(code), ("skip_delete", "true"))).Status.ShouldBe(400);
        (await app.CheckAsync(id, code, ("skip_delete", "true"))).Status.ShouldBe(200);
        (await app.StatusAsync(id)).Status.ShouldBe(200);
        (await app.DeleteAsync(id)).Status.ShouldBe(200);
        (await app.DeleteAsync(id)).Status.ShouldBe(400);

        await Eventually.BeTrueAsync(() => heard.Count >= 3);
        // A success without skip_delete deletes the record, and leaves a mark for open pages in the same step.
        var (removed, its) = await app.BeginAsync();
        (await app.CheckAsync(removed, its)).Status.ShouldBe(200);
        (await _portal.NewApiClient().GetAsync($"/otp/MyApp/{removed}/status")).Json.GetProperty("data").GetProperty("closed").GetBoolean()
            .ShouldBeTrue();
    }

    [Fact]
    public async Task The_jotp_api_accepts_a_token_once()
    {
        var email = TestUser.New();
        var created = await _portal.NewApiClient().SendAsync(
            HttpMethod.Post, "/jotp/sessions",
            JsonContent.Create(new { email, subject = "Token", message = "Token: $token", ttl = 5 }),
            ("Authorization", GatewayClient.Basic("MyApp:secret")));
        created.Status.ShouldBe(201, created.Body);
        var messages = (await _portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray();
        var text = messages.First(message => message.GetProperty("to").GetString() == email).GetProperty("text").GetString()!;
        var token = Regex.Match(text, "Token: ([0-9]+)").Groups[1].Value;

        (await SubmitAsync()).Status.ShouldBe(200);
        (await SubmitAsync()).Status.ShouldBe(404);

        Task<Answer> SubmitAsync() => _portal.NewApiClient().SendAsync(
            HttpMethod.Post, new Uri(created.Location!).AbsolutePath, new StringContent(token, Encoding.UTF8, "text/plain"));
    }

    [Fact]
    public async Task Service_accounts_create_codes_links_and_JWTs_until_they_are_removed()
    {
        var app = await new V2Client(_portal, V2Portal.AdminKey).NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync();
        (await app.ValidateAsync(id, otp)).Status.ShouldBe(200);
        (await app.ValidateAsync(id, otp)).Status.ShouldBe(400);

        var (_, secret) = await app.NewLinkAsync(
            new { redirectURL = "https://app.example.com/", jwtCreateParams = new { claims = new { email = "ann@example.com" } } });
        var used = await _portal.NewBrowser().PostAsync("/magic-link", ("secret", secret));
        used.Status.ShouldBe(303);
        (await _portal.NewBrowser().PostAsync("/magic-link", ("secret", secret))).Status.ShouldNotBe(303);
        (await app.ValidateJwtAsync(used.Location!.Split("jwt=")[1])).Status.ShouldBe(200);

        var operatorKey = ("Authorization", "Bearer " + PortalHost.Secret);
        var account = (await _portal.NewApiClient().GetAsync("/service-accounts", operatorKey)).Json.EnumerateArray()
            .ShouldHaveSingleItem().GetProperty("uuid").GetString();
        (await _portal.NewApiClient().SendAsync(HttpMethod.Delete, $"/service-accounts/{account}", null, operatorKey)).Status.ShouldBe(204);
        (await app.PostAsync("otp/create", new { otpCreateParams = new { charSetNumeric = true } })).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Administrators_list_and_revoke_sessions()
    {
        var email = TestUser.New();
        var browser = await _portal.SignInAsync(email);
        var admin = await _portal.OpenAdministrationAsync();

        (await admin.GetAsync("/admin")).Status.ShouldBe(200);
        (await admin.GetAsync("/admin/audit")).Status.ShouldBe(200);
        (await admin.GetAsync("/admin/check")).Status.ShouldBe(200);
        var operatorKey = ("Authorization", "Bearer " + PortalHost.Secret);
        (await _portal.NewApiClient().GetAsync("/auth-tokens?details=true", operatorKey)).Json.EnumerateArray()
            .ShouldHaveSingleItem().GetProperty("email").GetString().ShouldBe(email);
        (await _portal.NewApiClient().SendAsync(
            HttpMethod.Delete, "/auth-tokens?email=" + Uri.EscapeDataString(email), null, operatorKey)).Status.ShouldBe(204);

        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
    }
}
