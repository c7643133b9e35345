using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests <c>POST /api/otp/{id}</c> and <c>…/status</c>: checking a code and its status.</summary>
public sealed class CheckTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private readonly GatewayClient _app = gateway.App;

    private static string Message(Answer answer) => answer.Json.GetProperty("message").GetString()!;

    [Fact]
    public async Task The_correct_code_verifies_and_deletes_the_record()
    {
        var (id, code) = await _app.BeginAsync();

        var answer = await _app.CheckAsync(id, code);

        answer.Status.ShouldBe(200);
        var data = answer.Json.GetProperty("data");
        data.GetProperty("closed").GetBoolean().ShouldBeTrue();
        data.GetProperty("id").GetString().ShouldBe(id);
        data.TryGetProperty("otp", out _).ShouldBeFalse("only PUT tells it");
        Message(await _app.CheckAsync(id, code)).ShouldBe("the OTP does not exist");
        Message(await _app.StatusAsync(id)).ShouldBe("the OTP does not exist");
        gateway.Host.Dump().Keys.ShouldNotContain(key => key.Contains(id, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task With_skip_delete_the_status_reports_success_until_the_record_expires(bool inPut, bool inCheck)
    {
        var (id, code) = await _app.BeginAsync(("ttl", "100"), ("skip_delete", inPut ? "true" : "false"));
        Message(await _app.StatusAsync(id)).ShouldBe("OTP not verified");
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(40));

        (await _app.CheckAsync(id, code, ("skip_delete", inCheck ? "1" : ""))).Status.ShouldBe(200);

        var status = await _app.StatusAsync(id);
        status.Status.ShouldBe(200);
        status.Json.GetProperty("data").GetProperty("closed").GetBoolean().ShouldBeTrue();
        status.Json.GetProperty("data").GetProperty("ttl").GetInt32().ShouldBe(60, "a success does not extend its lifetime");
        status.Json.GetProperty("data").TryGetProperty("otp", out _).ShouldBeFalse();
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(60));
        Message(await _app.StatusAsync(id)).ShouldBe("the OTP does not exist");
    }

    [Fact]
    public async Task The_correct_code_succeeds_only_once_with_skip_delete()
    {
        var (id, code) = await _app.BeginAsync(("skip_delete", "true"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => gateway.App.CheckAsync(id, code)));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Where(answer => answer.Status != 200).ShouldAllBe(answer => answer.Status == 400 || answer.Status == 429);
    }

    [Fact]
    public async Task Returns_429_with_the_closed_record_for_any_code_once_verified()
    {
        var (id, code) = await _app.BeginAsync(("skip_delete", "true"));
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);

        foreach (var again in new[] { await _app.CheckAsync(id, code), await _app.CheckAsync(id, GatewayClient.WrongCode(code)) })
        {
            (again.Status, Message(again)).ShouldBe((429, "The OTP was already verified. Get its status instead."));
            again.Json.GetProperty("data").GetProperty("closed").GetBoolean().ShouldBeTrue();
        }
        (await _app.StatusAsync(id)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task DELETE_status_deletes_a_verified_record()
    {
        var (id, code) = await _app.BeginAsync(("skip_delete", "true"));
        (await _app.DeleteAsync(id)).Status.ShouldBe(400, "it is not verified");
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);

        (await _app.DeleteAsync(id)).Status.ShouldBe(200);

        Message(await _app.DeleteAsync(id)).ShouldBe("the OTP does not exist");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Exactly_one_of_twenty_concurrent_DELETEs_succeeds(bool embedded)
    {
        using var folder = new TemporaryFolder();
        await using var portal = await PortalHost.StartAsync(
            embedded
                ? [("NAMESPACES", "MyApp:secret"), ("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", folder.Path)]
                : [("NAMESPACES", "MyApp:secret")]);
        await using var replica = embedded ? null : await portal.StartReplicaAsync();
        var callers = Enumerable.Range(0, 20).Select(
            number => new GatewayClient(number % 2 == 0 ? portal : replica ?? portal, "MyApp", "secret")).ToList();
        for (var round = 0; round < 10; round++)
        {
            var (id, code) = await callers[0].BeginAsync(("skip_delete", "true"));
            (await callers[0].CheckAsync(id, code)).Status.ShouldBe(200);

            var answers = await Task.WhenAll(callers.Select(caller => caller.DeleteAsync(id)));

            answers.Count(answer => answer.Status == 200).ShouldBe(1, string.Join(' ', answers.Select(answer => answer.Status)));
            answers.Where(answer => answer.Status != 200)
                .ShouldAllBe(answer => answer.Status == 400 && Message(answer) == "the OTP does not exist");
        }
    }

    [Fact]
    public async Task A_DELETE_that_races_with_a_PUT_keeps_the_new_record()
    {
        for (var round = 0; round < 30; round++)
        {
            var (id, code) = await _app.BeginAsync(("skip_delete", "true"));
            await _app.CheckAsync(id, code);
            gateway.Host.Clock.Advance(TimeSpan.FromMilliseconds(1));

            var delete = gateway.App.DeleteAsync(id);
            var put = gateway.App.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()), ("otp", "246810"));
            await Task.WhenAll(delete, put);

            (await put).Status.ShouldBe(200);
            (await _app.CheckAsync(id, "246810")).Status.ShouldBe(200, $"DELETE answered {(await delete).Status}");
        }
    }

    [Fact]
    public async Task The_id_is_locked_after_max_attempts_wrong_codes()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "2"), ("ttl", "100"));

        var first = await _app.CheckAsync(id, GatewayClient.WrongCode(code));
        var second = await _app.CheckAsync(id, GatewayClient.WrongCode(code));
        var right = await _app.CheckAsync(id, code);

        (first.Status, Message(first)).ShouldBe((400, "Incorrect OTP"));
        first.Json.GetProperty("data").GetProperty("attempts").GetInt32().ShouldBe(2);
        second.Status.ShouldBe(400);
        right.Status.ShouldBe(429, "right or not");
        Message(right).ShouldBe("Too many attempts. Please retry after 100 seconds.");
        right.RetryAfter.ShouldBe(100);
        right.Json.GetProperty("data").GetProperty("attempts").GetInt32().ShouldBe(3);
        right.Json.GetProperty("data").GetProperty("max_attempts").GetInt32().ShouldBe(2);
    }

    [Fact]
    public async Task Concurrent_guesses_cannot_exceed_max_attempts()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "3"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => gateway.App.CheckAsync(id, GatewayClient.WrongCode(code))));

        answers.Count(answer => answer.Status == 400).ShouldBe(3);
        answers.Count(answer => answer.Status == 429).ShouldBe(27);
    }

    [Fact]
    public async Task An_invalid_request_does_not_count_as_an_attempt()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "1"));

        (await _app.SendAsync(HttpMethod.Post, "/api/otp/" + id, [])).Json.GetProperty("message").GetString()!.ShouldContain("`otp`");
        (await _app.SendAsync(HttpMethod.Post, "/api/otp/" + id, [("otp", "1111"), ("otp", code)])).Json.GetProperty("message").GetString()!
            .ShouldContain("`otp`");
        (await _app.CheckAsync(id, code, ("skip_delete", "maybe"))).Json.GetProperty("message").GetString()!.ShouldContain("`skip_delete`");

        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("check")]
    [InlineData("")]
    [InlineData("verify")]
    [InlineData("resend")]
    public async Task The_action_parameter_is_ignored(string action)
    {
        var (id, code) = await _app.BeginAsync();

        (await _app.SendAsync(HttpMethod.Post, "/api/otp/" + id, [("action", action), ("otp", code)])).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("12345%0A")]
    public async Task An_invalid_id_is_rejected_with_an_error_that_names_id(string id)
    {
        (await _app.CheckAsync(id, "123456")).Json.GetProperty("message").GetString()!.ShouldContain("`id`");
        (await _app.StatusAsync(id)).Json.GetProperty("message").GetString()!.ShouldContain("`id`");
    }

    [Fact]
    public async Task An_id_of_another_namespace_is_reported_as_nonexistent()
    {
        var (id, code) = await _app.BeginAsync(("skip_delete", "true"));
        var other = gateway.OtherApp;

        var (check, status, delete) = (await other.CheckAsync(id, code), await other.StatusAsync(id), await other.DeleteAsync(id));
        var nothing = await other.CheckAsync(GatewayClient.NewId(), code);

        (check.Status, check.Body).ShouldBe((nothing.Status, nothing.Body));
        Message(status).ShouldBe("the OTP does not exist");
        Message(delete).ShouldBe("the OTP does not exist");
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200, "and it took no try");
    }

    [Fact]
    public async Task Two_namespaces_can_use_the_same_id()
    {
        var id = GatewayClient.NewId();
        await _app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()), ("otp", "111111"));
        await gateway.OtherApp.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()), ("otp", "222222"));

        (await _app.CheckAsync(id, "222222")).Status.ShouldBe(400);
        (await gateway.OtherApp.CheckAsync(id, "222222")).Status.ShouldBe(200);
        (await _app.CheckAsync(id, "111111")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_public_status_reveals_only_whether_the_verification_is_closed()
    {
        var (id, code) = await _app.BeginAsync(("skip_delete", "true"));
        var stranger = gateway.Host.NewApiClient();

        (await stranger.GetAsync($"/otp/MyApp/{id}/status")).Body.ShouldBe("""{"status":"success","data":{"closed":false}}""");
        await _app.CheckAsync(id, code);
        (await stranger.GetAsync($"/otp/MyApp/{id}/status")).Body.ShouldBe("""{"status":"success","data":{"closed":true}}""");
        (await stranger.GetAsync($"/otp/Other/{id}/status")).Status.ShouldBe(400);
        (await stranger.GetAsync($"/otp/Nobody/{id}/status")).Status.ShouldBe(400);
    }
}
