using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>
/// Tests the requests and responses that otpgateway documents, so that its clients work after changing only
/// URL and credentials. Intentional differences follow in the order of the table in docs/migrating.md.
/// </summary>
public sealed class OtpgatewayComparisonTests(OtpgatewayComparisonTests.Portal portal) : IClassFixture<OtpgatewayComparisonTests.Portal>
{
    private readonly GatewayClient _app = new(portal.Host, "myAppName", "mySecret");

    [Fact]
    public async Task GET_providers_lists_smtp()
    {
        var answer = await _app.SendAsync(HttpMethod.Get, "/api/providers", null);

        answer.Status.ShouldBe(200);
        answer.Json.GetProperty("status").GetString().ShouldBe("success");
        answer.Json.GetProperty("data").EnumerateArray().Select(name => name.GetString()).ShouldContain("smtp");
    }

    [Fact]
    public async Task GET_health_returns_OK() =>
        (await portal.Host.NewApiClient().GetAsync("/api/health")).Body.ShouldBe("""{"status":"success","data":"OK"}""");

    [Fact]
    public async Task PUT_otp_initiates_an_OTP_for_a_user()
    {
        var answer = await _app.PutAsync(
            "uniqueIDForJohnDoe", ("to", "john@doe.com"), ("provider", "smtp"), ("extra", """{"yes": true}"""));

        answer.Status.ShouldBe(200, answer.Body);
        ShouldBeTheRecord(answer, "uniqueIDForJohnDoe", "john@doe.com");
        var data = answer.Json.GetProperty("data");
        data.GetProperty("otp").GetString()!.ShouldMatch("^[0-9]{6}$");
        data.GetProperty("url").GetString().ShouldBe(portal.Host.Address + "otp/myAppName/uniqueIDForJohnDoe");
        await ShouldBeMailedAsync(data.GetProperty("otp").GetString()!);
    }

    [Fact]
    public async Task PUT_otp_without_an_id_returns_a_random_one()
    {
        var answer = await _app.SendAsync(HttpMethod.Put, "/api/otp", [("to", "john@doe.com"), ("provider", "smtp")]);

        answer.Json.GetProperty("data").GetProperty("id").GetString()!.Length.ShouldBe(32);
    }

    [Theory]
    [InlineData("channel_description", "A description", "A description")]
    [InlineData("address_description", "Another one", "Another one")]
    [InlineData("otp", "penny-42", "penny-42")]
    [InlineData("ttl", "60", "60")]
    [InlineData("max_attempts", "2", "2")]
    [InlineData("max_generate", "7", "7")]
    [InlineData("extra", """{"yes": true}""", """{"yes":true}""")]
    [InlineData("extra", "[1]", "[1]")]
    [InlineData("to", "", "")]
    public async Task PUT_otp_accepts_the_parameter(string name, string value, string echoed)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["provider"] = "smtp",
            ["to"] = "john@doe.com",
            [name] = value,
        };

        var answer = await _app.PutAsync(GatewayClient.NewId(), [.. fields.Select(field => (field.Key, field.Value))]);

        answer.Status.ShouldBe(200, answer.Body);
        var data = answer.Json.GetProperty("data").GetProperty(name);
        (data.ValueKind == JsonValueKind.String ? data.GetString() : data.GetRawText()).ShouldBe(echoed);
    }

    [Fact]
    public async Task POST_otp_validates_an_OTP_entered_by_the_user()
    {
        var (id, code) = await BeginAsync();

        var wrong = await _app.CheckAsync(id, GatewayClient.WrongCode(code));
        var right = await _app.CheckAsync(id, code);

        (wrong.Status, wrong.Json.GetProperty("message").GetString()).ShouldBe((400, "Incorrect OTP"));
        wrong.Json.GetProperty("data").GetProperty("attempts").GetInt32().ShouldBe(2);
        right.Status.ShouldBe(200);
        ShouldBeTheRecord(right, id, "john@doe.com");
        (await _app.StatusAsync(id)).Json.GetProperty("message").GetString().ShouldBe("the OTP does not exist", "it is deleted");
    }

    [Fact]
    public async Task POST_otp_with_skip_delete_keeps_the_OTP_until_it_expires()
    {
        var (id, code) = await BeginAsync();

        (await _app.CheckAsync(id, code, ("skip_delete", "true"))).Status.ShouldBe(200);

        (await _app.StatusAsync(id)).Json.GetProperty("data").GetProperty("closed").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task POST_status_returns_whether_an_OTP_request_is_verified()
    {
        var (id, code) = await BeginAsync();
        var before = await _app.StatusAsync(id);
        await portal.Host.NewBrowser().PostAsync("/otp/myAppName/" + id, ("action", "check"), ("otp", code));

        var after = await _app.StatusAsync(id);

        (before.Status, before.Json.GetProperty("status").GetString(), before.Json.GetProperty("message").GetString())
            .ShouldBe((400, "error", "OTP not verified"));
        after.Status.ShouldBe(200);
        ShouldBeTheRecord(after, id, "john@doe.com");
        after.Json.GetProperty("data").GetProperty("closed").GetBoolean()
            .ShouldBeTrue("the user has entered the code on the built-in page");
    }

    [Fact]
    public async Task Bad_requests_return_400_with_the_messages_of_otpgateway()
    {
        string Message(Answer answer)
        {
            answer.Status.ShouldBe(400);
            return answer.Json.GetProperty("message").GetString()!;
        }
        Message(await _app.PutAsync(GatewayClient.NewId(), ("provider", "badprovider"), ("to", "john@doe.com"))).ShouldStartWith("Unknown");
        Message(await _app.PutAsync(GatewayClient.NewId(), ("provider", "smtp"), ("to", "xxxx"))).ShouldStartWith("Invalid `to` address");
        Message(await _app.PutAsync(GatewayClient.NewId(), ("provider", "smtp"), ("ttl", "0"))).ShouldStartWith("Invalid `ttl`");
        Message(await _app.PutAsync(GatewayClient.NewId(), ("provider", "smtp"), ("extra", "{")))
            .ShouldStartWith("Invalid JSON in `extra`");
        Message(await _app.SendAsync(HttpMethod.Post, "/api/otp/" + GatewayClient.NewId(), [])).ShouldBe("`otp` is empty.");
        Message(await _app.CheckAsync(GatewayClient.NewId(), "123456")).ShouldBe("the OTP does not exist");
    }

    /// <summary>From the test suite of otpgateway.</summary>
    [Fact]
    public async Task Wrong_codes_after_the_correct_one_return_429()
    {
        var (id, code) = await BeginAsync(("max_attempts", "5"), ("max_generate", "5"));
        (await _app.CheckAsync(id, code, ("skip_delete", "true"))).Status.ShouldBe(200);

        for (var i = 0; i < 10; i++)
        {
            (await _app.CheckAsync(id, GatewayClient.WrongCode(code), ("skip_delete", "true"))).Status.ShouldBe(429);
        }
    }

    /// <summary>From the DELETE tests of otpgateway.</summary>
    [Fact]
    public async Task DELETE_status_returns_200_once_after_verification_and_400_otherwise()
    {
        var (id, code) = await BeginAsync();
        (await _app.DeleteAsync(id)).Status.ShouldBe(400);
        (await _app.CheckAsync(id, code, ("skip_delete", "true"))).Status.ShouldBe(200);

        (await _app.DeleteAsync(id)).Status.ShouldBe(200);

        (await _app.DeleteAsync(id)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Serves_the_JavaScript_plugin_at_the_same_path() =>
        (await portal.Host.NewBrowser().GetAsync("/static/otp.js")).Body.ShouldContain("window.OTPGateway");

    // Intentional differences, in the order of the table.

    [Fact]
    public async Task Unlike_otpgateway_the_correct_code_verifies_only_once_despite_skip_delete()
    {
        var (id, code) = await BeginAsync(("skip_delete", "true"));

        (await _app.CheckAsync(id, code, ("skip_delete", "true"))).Status.ShouldBe(200);

        (await _app.CheckAsync(id, code, ("skip_delete", "true"))).Status.ShouldBe(429);
        (await _app.StatusAsync(id)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Unlike_otpgateway_the_user_gets_all_max_attempts()
    {
        var (id, code) = await BeginAsync();
        for (var i = 0; i < 4; i++) (await _app.CheckAsync(id, GatewayClient.WrongCode(code))).Status.ShouldBe(400);

        (await _app.CheckAsync(id, code)).Status.ShouldBe(200, "the fifth of five");
    }

    [Fact]
    public async Task Unlike_otpgateway_checking_a_code_of_a_locked_id_returns_429()
    {
        var (id, code) = await BeginAsync(("max_attempts", "1"));
        await _app.CheckAsync(id, GatewayClient.WrongCode(code));

        (await _app.CheckAsync(id, code)).Status.ShouldBe(429);
    }

    [Fact]
    public async Task Unlike_otpgateway_a_repeated_PUT_uses_no_attempt_and_its_code_is_accepted()
    {
        var (id, _) = await BeginAsync(("max_generate", "1"), ("max_attempts", "1"));

        var again = await _app.PutAsync(
            id, ("provider", "smtp"), ("to", "john@doe.com"), ("max_generate", "1"), ("max_attempts", "1"), ("otp", "135790"));

        again.Json.GetProperty("data").GetProperty("attempts").GetInt32().ShouldBe(1);
        again.Json.GetProperty("data").GetProperty("generate").GetInt32().ShouldBe(2);
        (await _app.CheckAsync(id, "135790")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Unlike_otpgateway_only_PUT_returns_the_code()
    {
        var (id, code) = await BeginAsync();

        Answer[] answers =
        [
            await _app.CheckAsync(id, GatewayClient.WrongCode(code)),
            await _app.CheckAsync(id, code, ("skip_delete", "true")),
            await _app.StatusAsync(id),
        ];
        foreach (var answer in answers)
        {
            answer.Json.GetProperty("data").TryGetProperty("otp", out _).ShouldBeFalse();
        }
    }

    [Fact]
    public async Task Unlike_otpgateway_opening_the_link_in_the_message_does_not_verify()
    {
        var (id, code) = await BeginAsync();

        (await portal.Host.NewBrowser().GetAsync($"/otp/myAppName/{id}?otp={code}&action=check")).Find("input#otp")!.GetAttribute("value")
            .ShouldBe(code);

        (await _app.StatusAsync(id)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Unlike_otpgateway_numbers_have_upper_bounds()
    {
        var answer = await _app.PutAsync(
            GatewayClient.NewId(), ("provider", "smtp"), ("ttl", "86400"), ("max_attempts", "100"), ("max_generate", "100"));

        var data = answer.Json.GetProperty("data");

        (data.GetProperty("ttl").GetInt32(), data.GetProperty("max_attempts").GetInt32(), data.GetProperty("max_generate").GetInt32())
            .ShouldBe((3600, 20, 20));
    }

    [Theory]
    [InlineData("otp", "12\n34")]
    [InlineData("otp", "12")]
    [InlineData("otp", "123456789012345678901234567890123")]
    [InlineData("channel_description", "bell\u0007")]
    [InlineData("skip_delete", "perhaps")]
    public async Task Unlike_otpgateway_invalid_codes_descriptions_and_flags_are_rejected(string name, string value) =>
        (await _app.PutAsync(GatewayClient.NewId(), ("provider", "smtp"), (name, value))).Json.GetProperty("message").GetString()!
            .ShouldContain($"`{name}`");

    [Fact]
    public async Task Unlike_otpgateway_a_duplicate_field_is_rejected()
    {
        var answer = await _app.PutAsync(GatewayClient.NewId(), ("provider", "smtp"), ("to", "john@doe.com"), ("to", "jane@doe.com"));

        answer.Json.GetProperty("message").GetString()!.ShouldContain("`to`");
    }

    [Fact]
    public async Task Unlike_otpgateway_an_id_of_invalid_length_is_rejected_by_PUT()
    {
        (await _app.PutAsync("short", ("provider", "smtp"), ("to", "john@doe.com"))).Status.ShouldBe(400);
        (await _app.PutAsync(new string('a', 201), ("provider", "smtp"), ("to", "john@doe.com"))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Unlike_otpgateway_any_percent_encoded_id_is_decoded()
    {
        var id = "a@example.com/" + Guid.NewGuid().ToString("N");

        var answer = await _app.PutAsync(Uri.EscapeDataString(id), ("provider", "smtp"), ("to", "john@doe.com"));

        answer.Json.GetProperty("data").GetProperty("id").GetString().ShouldBe(id);
    }

    [Fact]
    public async Task Unlike_otpgateway_the_message_is_sent_to_the_normalized_address()
    {
        var answer = await _app.PutAsync(GatewayClient.NewId(), ("provider", "smtp"), ("to", "John.Upper@DOE.com"));

        answer.Json.GetProperty("data").GetProperty("to").GetString().ShouldBe("John.Upper@DOE.com");
        await ShouldBeMailedAsync("john.upper@doe.com");
    }

    [Fact]
    public async Task Unlike_otpgateway_an_expired_page_returns_410()
    {
        (await portal.Host.NewBrowser().GetAsync("/otp/myAppName/" + GatewayClient.NewId())).Status.ShouldBe(410);
    }

    [Fact]
    public async Task Unlike_otpgateway_only_listed_origins_can_frame_the_dialog()
    {
        var (id, _) = await BeginAsync();

        (await portal.Host.NewBrowser().GetAsync($"/otp/myAppName/{id}?view=popup")).Header("Content-Security-Policy")!
            .ShouldContain("frame-ancestors 'none'");
    }

    private Task ShouldBeMailedAsync(string text) =>
        Eventually.BeTrueAsync(() => portal.Mail.Mails.Any(mail => mail.GetRawText().Contains(text, StringComparison.Ordinal)));

    private async Task<(string Id, string Code)> BeginAsync(params (string Name, string Value)[] fields)
    {
        var id = GatewayClient.NewId();
        var answer = await _app.PutAsync(id, [("to", "john@doe.com"), ("provider", "smtp"), .. fields]);
        answer.Status.ShouldBe(200, answer.Body);
        return (id, answer.Json.GetProperty("data").GetProperty("otp").GetString()!);
    }

    // The fields of the documented responses, with their types.
    private static void ShouldBeTheRecord(Answer answer, string id, string to)
    {
        answer.Json.GetProperty("status").GetString().ShouldBe("success");
        var data = answer.Json.GetProperty("data");
        data.GetProperty("namespace").GetString().ShouldBe("myAppName");
        data.GetProperty("id").GetString().ShouldBe(id);
        data.GetProperty("to").GetString().ShouldBe(to);
        data.GetProperty("provider").GetString().ShouldBe("smtp");
        (data.GetProperty("channel_description").GetString(), data.GetProperty("address_description").GetString()).ShouldBe(("", ""));
        data.GetProperty("extra").ValueKind.ShouldBe(JsonValueKind.Object);
        data.GetProperty("max_attempts").GetInt32().ShouldBe(5);
        data.GetProperty("attempts").GetInt32().ShouldBeGreaterThan(0);
        data.GetProperty("closed").ValueKind.ShouldBeOneOf(JsonValueKind.True, JsonValueKind.False);
        data.GetProperty("ttl").GetInt32().ShouldBe(300);
    }

    /// <summary>A portal that sends by SMTP, with the credentials of the otpgateway examples.</summary>
    public sealed class Portal : IAsyncLifetime
    {
        public MailServer Mail { get; private set; } = null!;

        public PortalHost Host { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Mail = await MailServer.StartAsync();
            Host = await PortalHost.StartAsync(
                [.. Mail.Settings("none"), ("NAMESPACES", "myAppName:mySecret"), ("LIMIT_SENDS_PER_ADDRESS", "1000/900")]);
        }

        public async Task DisposeAsync()
        {
            await Host.DisposeAsync();
            Mail.Dispose();
        }
    }
}
