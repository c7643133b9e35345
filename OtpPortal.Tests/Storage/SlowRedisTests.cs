using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests a Redis server that responds late or only on new connections.</summary>
public sealed class SlowRedisTests
{
    [Fact]
    public async Task A_call_in_flight_succeeds_when_the_server_is_only_slow()
    {
        using var redis = RedisServer.Start();
        using var relay = new TcpRelay(redis.Port);
        await using var portal = await StartAsync(relay);
        var browser = await portal.SignInAsync(TestUser.New());
        var opened = relay.Opened;

        relay.Freeze();
        var check = browser.GetAsync("/check-auth");
        // The portal has detected the timeout and opened another connection.
        await Eventually.BeTrueAsync(() => relay.Opened > opened);
        check.IsCompleted.ShouldBeFalse();
        relay.Thaw();

        (await check).Status.ShouldBe(200);
        (await browser.PostAsync("/logout")).Status.ShouldBe(303);
    }

    [Theory]
    [InlineData("/check-auth", "X-Content-Type-Options")]
    [InlineData("/", "Content-Security-Policy")]
    public async Task An_unresponsive_connection_is_replaced_and_the_request_retried(string path, string header)
    {
        using var redis = RedisServer.Start();
        using var relay = new TcpRelay(redis.Port);
        await using var portal = await StartAsync(relay);
        var browser = await portal.SignInAsync(TestUser.New());

        relay.Freeze();

        var answer = await browser.GetAsync(path);
        answer.Status.ShouldBe(200);
        answer.Header(header).ShouldNotBeNull("the second try has the headers of the first");
    }

    private static Task<PortalHost> StartAsync(TcpRelay relay) =>
        PortalHost.StartAsync(
            ("REDIS_URL_OTP", $"redis://127.0.0.1:{relay.Port}/0"), ("REDIS_URL_AUTH", $"redis://127.0.0.1:{relay.Port}/1"));
}
