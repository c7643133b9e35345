using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>Requests of the SMS, WhatsApp and webhook providers and the handling of responses.</summary>
public sealed class ProviderTests : IAsyncLifetime
{
    private const string Number = "+491711234567";
    private const string Code = "918273";

    private RecordingServer _server = null!;
    private PortalHost _portal = null!;

    private static Message Sms => new(Number, "A subject", $"{Code} is your code.\n\n@login.example.com #{Code}", "") { Code = Code };

    public async Task InitializeAsync()
    {
        _server = await RecordingServer.StartAsync();
        var url = _server.Address.ToString().TrimEnd('/');
        _portal = await PortalHost.StartWithAsync(
            null, _server.Address,
            ("SMS_COUNTRIES", "DE"), ("SMS_DEFAULT_COUNTRY", "DE"), ("DEBUG", "true"),
            ("SIPGATE_USERNAME", "token-7QX"), ("SIPGATE_PASSWORD", "s1pgate-S3cret"), ("SIPGATE_SMS_ID", "s3"),
            ("SIPGATE_API_URL", url + "/sipgate"),
            ("KALEYRA_API_KEY", "kaleyra-S3cret"), ("KALEYRA_SID", "HXIN2020202020"), ("KALEYRA_SENDER", "EXMPLE"),
            ("KALEYRA_SMS_ENTITY_ID", "11010"), ("KALEYRA_SMS_TEMPLATE_ID", "22020"),
            ("KALEYRA_TEMPLATE_NAME", "login_code"), ("KALEYRA_API_URL", url + "/kaleyra/v1"),
            ("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "aws-S3cret"),
            ("AWS_SMS_ORIGINATION_IDENTITY", "pool-1"), ("AWS_SMS_API_URL", url),
            ("WEBHOOKS", "Phone_Call,quiet"), ("WEBHOOK_PHONE_CALL_URL", url + "/hook?via=portal"),
            ("WEBHOOK_PHONE_CALL_USERNAME", "caller"), ("WEBHOOK_PHONE_CALL_PASSWORD", "h00k:S3cret"),
            ("WEBHOOK_PHONE_CALL_CHANNEL_NAME", "Phone call"), ("WEBHOOK_PHONE_CALL_ADDRESS_NAME", "Landline"),
            ("WEBHOOK_PHONE_CALL_MAX_ADDRESS_LEN", "12"), ("WEBHOOK_PHONE_CALL_MAX_OTP_LEN", "8"),
            ("WEBHOOK_QUIET_URL", url + "/quiet"));
    }

    public async Task DisposeAsync()
    {
        await _portal.DisposeAsync();
        await _server.DisposeAsync();
    }

    private Provider Find(string name) => _portal.Services.GetRequiredService<Providers>().Find(name).ShouldNotBeNull();

    private async Task<DispatchOutcome> SendAsync(string provider, Message message)
    {
        var sending = _portal.Services.GetRequiredService<Dispatcher>().SendAsync(Find(provider), message, CancellationToken.None);
        // The delay before the retry uses this clock.
        await _portal.Clock.AdvanceUntilAsync(() => sending.IsCompleted, TimeSpan.FromMilliseconds(100));
        return await sending;
    }

    [Fact]
    public void Lists_the_configured_providers()
    {
        var providers = _portal.Services.GetRequiredService<Providers>();

        providers.Names.ShouldBe(["pinpoint_sms", "kaleyra_sms", "kaleyra_whatsapp", "sipgate_sms", "Phone_Call", "quiet", "mailbox"]);
        providers.Find("SIPGATE_SMS").ShouldBeNull();
        var call = Find("Phone_Call");
        (call.ChannelName, call.AddressName, call.MaxAddressLength, call.MaxCodeLength).ShouldBe(("Phone call", "Landline", 12, 8));
        var quiet = Find("quiet");
        (quiet.ChannelName, quiet.AddressName, quiet.MaxAddressLength, quiet.MaxCodeLength).ShouldBe(("quiet", "Address", 320, 32));
    }

    [Theory]
    [InlineData("sipgate_sms", "0171 123 45 67", Number)]
    [InlineData("pinpoint_sms", "+49 (0)171/1234567", Number)]
    [InlineData("kaleyra_whatsapp", "0049171-1234567", Number)]
    [InlineData("kaleyra_sms", "ann@example.com", null)]
    [InlineData("mailbox", " Ann@Example.com ", "ann@example.com")]
    [InlineData("mailbox", "0171 1234567", Number)]
    [InlineData("mailbox", "nobody", null)]
    [InlineData("Phone_Call", " 12-34 ", "12-34")]
    [InlineData("Phone_Call", "1234567890123", null)]
    [InlineData("Phone_Call", "12\n34", null)]
    [InlineData("Phone_Call", "  ", null)]
    public void Each_provider_validates_and_normalizes_its_addresses(string provider, string typed, string? normalized)
    {
        Find(provider).TryNormalize(typed, out var found).ShouldBe(normalized is not null);
        found.ShouldBe(normalized ?? "");
    }

    [Fact]
    public async Task Sends_the_request_that_sipgate_documents()
    {
        _server.Answer = _ => (204, "");

        (await SendAsync("sipgate_sms", Sms)).ShouldBe(new DispatchOutcome.Sent("sipgate_sms"));

        var request = _server.Requests.ShouldHaveSingleItem();
        (request.Method, request.Path).ShouldBe(("POST", "/sipgate/sessions/sms"));
        request.Headers["Authorization"].ShouldBe("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("token-7QX:s1pgate-S3cret")));
        request.Headers["Content-Type"].ShouldBe("application/json");
        request.Headers["Content-Length"].ShouldBe(Encoding.UTF8.GetByteCount(request.Body).ToString(CultureInfo.InvariantCulture));
        var body = JsonDocument.Parse(request.Body).RootElement;
        body.EnumerateObject().Select(property => (property.Name, property.Value.GetString()))
            .ShouldBe([("smsId", "s3"), ("recipient", Number), ("message", Sms.Text)]);
    }

    [Fact]
    public async Task Sends_the_registered_template_to_Kaleyra()
    {
        _server.Answer = _ => (202, """{"id":"1"}""");

        (await SendAsync("kaleyra_sms", Sms)).ShouldBe(new DispatchOutcome.Sent("kaleyra_sms"));

        var request = _server.Requests.ShouldHaveSingleItem();
        (request.Method, request.Path).ShouldBe(("POST", "/kaleyra/v1/HXIN2020202020/messages"));
        request.Headers["api-key"].ShouldBe("kaleyra-S3cret");
        request.Headers["Content-Type"].ShouldBe("application/x-www-form-urlencoded");
        Form(request)
            .ShouldBe(
                [("to", Number), ("type", "OTP"), ("sender", "EXMPLE"), ("entity_id", "11010"), ("template_id", "22020"),
                    ("body", Sms.Text)]);
    }

    [Fact]
    public async Task Sends_only_the_code_to_WhatsApp_which_fills_its_own_template()
    {
        (await SendAsync("kaleyra_whatsapp", Sms)).ShouldBe(new DispatchOutcome.Sent("kaleyra_whatsapp"));

        var request = _server.Requests.ShouldHaveSingleItem();
        request.Path.ShouldBe("/kaleyra/v1/HXIN2020202020/messages");
        Form(request).ShouldBe(
        [
            ("to", Number), ("type", "authenticationtemplate"), ("channel", "whatsapp"), ("from", "EXMPLE"),
            ("template_name", "login_code"), ("verification_code", Code),
        ]);
    }

    [Fact]
    public async Task WhatsApp_refuses_a_message_without_a_code()
    {
        (await SendAsync("kaleyra_whatsapp", Sms with { Code = null })).ShouldBeOfType<DispatchOutcome.Failed>().Last
            .ShouldBeOfType<SendOutcome.Refused>();

        _server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Sends_a_signed_request_to_AWS()
    {
        _server.Answer = _ => (200, """{"MessageId":"m-1"}""");
        var before = _portal.Clock.GetUtcNow();

        (await SendAsync("pinpoint_sms", Sms)).ShouldBe(new DispatchOutcome.Sent("pinpoint_sms"));

        var request = _server.Requests.ShouldHaveSingleItem();
        (request.Method, request.Path).ShouldBe(("POST", "/"));
        request.Headers["Content-Type"].ShouldBe("application/x-amz-json-1.0");
        request.Headers["X-Amz-Target"].ShouldBe("PinpointSMSVoiceV2.SendTextMessage");
        var date = AwsSignature.ReadTimestamp(request.Headers["X-Amz-Date"]);
        date.ShouldBeInRange(before, _portal.Clock.GetUtcNow());
        JsonDocument.Parse(request.Body).RootElement.EnumerateObject()
            .Select(property => (property.Name, property.Value.GetString())).ShouldBe(
            [("DestinationPhoneNumber", Number), ("OriginationIdentity", "pool-1"), ("MessageBody", Sms.Text),
                ("MessageType", "TRANSACTIONAL")]);
        request.Headers.Keys.ShouldNotContain("X-Amz-Security-Token");
        // Computes the signature of the received request in the same way as AWS.
        var signed = ((string[])["content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"])
            .ToDictionary(name => name, name => request.Headers[name], StringComparer.Ordinal);
        request.Headers["Authorization"].ShouldBe(AwsSignature.Authorize(
            "POST", "/", "", signed, Encoding.UTF8.GetBytes(request.Body), date,
            "eu-central-1", "sms-voice", "AKIDEXAMPLE", "aws-S3cret"));
    }

    [Fact]
    public async Task Sends_the_message_and_the_OTP_record_to_a_webhook()
    {
        var message = new Message("12-34", "Shop: Phone call verification", "Your code is 918273", "<p>918273</p>")
        {
            Otp = new Dictionary<string, object?>
            {
                ["namespace"] = "Shop",
                ["id"] = "order-1",
                ["to"] = "12-34",
                ["otp"] = Code,
                ["extra"] = JsonDocument.Parse("""{"yes":true}""").RootElement,
                ["ttl"] = 300,
                ["closed"] = false,
            },
        };
        _server.Answer = _ => (201, "");

        (await SendAsync("Phone_Call", message)).ShouldBe(new DispatchOutcome.Sent("Phone_Call"));

        var request = _server.Requests.ShouldHaveSingleItem();
        (request.Method, request.Path).ShouldBe(("POST", "/hook?via=portal"));
        request.Headers["Authorization"].ShouldBe("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("caller:h00k:S3cret")));
        request.Headers["Content-Type"].ShouldBe("application/json");
        request.Headers.Keys.ShouldContain("Content-Length");
        JsonElement.DeepEquals(JsonDocument.Parse(request.Body).RootElement, JsonDocument.Parse("""
            {"otp":{"namespace":"Shop","id":"order-1","to":"12-34","otp":"918273","extra":{"yes":true},"ttl":300,"closed":false},
             "subject":"Shop: Phone call verification","body":"Your code is 918273"}
            """).RootElement).ShouldBeTrue(request.Body);
    }

    [Fact]
    public async Task Sends_address_and_code_to_a_webhook_without_a_record_or_credentials()
    {
        await SendAsync("quiet", Sms with { To = "somebody" });

        var request = _server.Requests.ShouldHaveSingleItem();
        request.Headers.Keys.ShouldNotContain("Authorization");
        JsonDocument.Parse(request.Body).RootElement.GetProperty("otp").GetRawText().ShouldBe("""{"to":"somebody","otp":"918273"}""");
    }

    [Theory]
    [InlineData("sipgate_sms", 401, "", "misconfigured", "SIPGATE_USERNAME")]
    [InlineData("sipgate_sms", 402, "", "misconfigured", "credit")]
    [InlineData("sipgate_sms", 403, "", "misconfigured", "SIPGATE_SMS_ID")]
    [InlineData("sipgate_sms", 400, "", "refused", "the number or the text")]
    [InlineData("sipgate_sms", 404, "", "misconfigured", "SIPGATE_API_URL")]
    [InlineData("sipgate_sms", 302, "", "misconfigured", "SIPGATE_API_URL")]
    [InlineData("sipgate_sms", 429, "", "temporary", "429")]
    [InlineData("sipgate_sms", 503, "", "temporary", "503")]
    [InlineData("kaleyra_sms", 401, "", "misconfigured", "KALEYRA_API_KEY")]
    [InlineData("kaleyra_sms", 403, "", "misconfigured", "KALEYRA_SID")]
    [InlineData("kaleyra_sms", 402, "", "misconfigured", "credit")]
    [InlineData("kaleyra_sms", 400, """{"error":{"to":"invalid"}}""", "refused", "registered template")]
    [InlineData("kaleyra_sms", 307, "", "misconfigured", "KALEYRA_API_URL")]
    [InlineData("kaleyra_sms", 201, "", "misconfigured", "201")]
    [InlineData("kaleyra_whatsapp", 500, "", "temporary", "500")]
    [InlineData("pinpoint_sms", 400, """{"__type":"ThrottlingException","message":"Rate exceeded"}""", "temporary", "ThrottlingException")]
    [InlineData(
        "pinpoint_sms", 400, """{"__type":"com.amazonaws.pinpointsmsvoicev2#AccessDeniedException"}""", "misconfigured",
        "sms-voice:SendTextMessage")]
    [InlineData("pinpoint_sms", 400, """{"__type":"UnrecognizedClientException"}""", "misconfigured", "AWS_ACCESS_KEY_ID")]
    [InlineData("pinpoint_sms", 403, """{"__type":"InvalidSignatureException"}""", "misconfigured", "clock")]
    [InlineData("pinpoint_sms", 400, """{"__type":"ResourceNotFoundException"}""", "misconfigured", "AWS_SMS_ORIGINATION_IDENTITY")]
    [InlineData(
        "pinpoint_sms", 402, """{"__type":"ServiceQuotaExceededException","Reason":"MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"}""",
        "misconfigured", "spending limit")]
    [InlineData(
        "pinpoint_sms", 400, """{"__type":"ConflictException","Reason":"DESTINATION_PHONE_NUMBER_OPTED_OUT"}""", "refused", "opted out")]
    [InlineData(
        "pinpoint_sms", 400, """{"__type":"ConflictException","Reason":"NO_ORIGINATION_IDENTITIES_FOUND"}""", "misconfigured", "no number")]
    [InlineData("pinpoint_sms", 400, """{"__type":"ConflictException","Reason":"DESTINATION_COUNTRY_BLOCKED"}""", "refused", "blocks")]
    [InlineData("pinpoint_sms", 400, """{"__type":"ConflictException","Reason":"PHONE_NUMBER_NOT_REGISTERED"}""", "misconfigured",
        "not active")]
    [InlineData("pinpoint_sms", 400, """{"__type":"ValidationException","Reason":"DESTINATION_PHONE_NUMBER_INVALID"}""", "refused", "the number or")]
    [InlineData("pinpoint_sms", 404, "<html>not here</html>", "misconfigured", "AWS_SMS_API_URL")]
    [InlineData("pinpoint_sms", 400, "[1]", "misconfigured", "AWS_REGION")]
    [InlineData("pinpoint_sms", 500, """{"__type":"InternalServerException"}""", "temporary", "500")]
    public async Task Logs_how_to_fix_a_failure_without_repeating_the_response(
        string provider, int status, string body, string kind, string reason)
    {
        _server.Answer = _ => (status, body);

        var failed = (await SendAsync(provider, Sms)).ShouldBeOfType<DispatchOutcome.Failed>();

        failed.Provider.ShouldBe(provider);
        var words = failed.Last.Describe();
        words.Kind.ShouldBe(kind);
        words.Reason.ShouldContain(reason);
        // Only temporary failures are retried, once.
        _server.Requests.Count.ShouldBe(kind == "temporary" ? 2 : 1);
        _portal.Log.Lines.ShouldContain(
            line => line.StartsWith("Error", StringComparison.Ordinal)
                && line.Contains(provider, StringComparison.Ordinal) && line.Contains(reason, StringComparison.Ordinal));
        _portal.Log.Text.ShouldNotContain(Code);
        _portal.Log.Text.ShouldNotContain("1234567");
        _portal.Log.Text.ShouldNotContain("S3cret");
    }

    [Theory]
    [InlineData(302, "", 1, "WEBHOOK_PHONE_CALL_URL")]
    [InlineData(401, "", 1, "WEBHOOK_PHONE_CALL_PASSWORD")]
    [InlineData(404, "", 1, "WEBHOOK_PHONE_CALL_URL")]
    [InlineData(422, "the secret 918273", 1, "422")]
    [InlineData(502, "", 2, "502")]
    public async Task Any_response_of_a_webhook_counts_as_sent_and_errors_are_logged(
        int status, string body, int requests, string reason)
    {
        _server.Answer = _ => (status, body);

        (await SendAsync("Phone_Call", Sms with { To = "12-34" })).ShouldBe(new DispatchOutcome.Sent("Phone_Call"));

        _server.Requests.Count.ShouldBe(requests);
        _portal.Log.Lines.ShouldContain(line => line.StartsWith("Warning", StringComparison.Ordinal)
            && line.Contains("Phone_Call", StringComparison.Ordinal) && line.Contains(reason, StringComparison.Ordinal));
        _portal.Log.Text.ShouldNotContain(Code);
        _portal.Log.Text.ShouldNotContain("S3cret");
    }

    [Theory]
    [InlineData(404, "misconfigured")]
    [InlineData(422, "refused")]
    [InlineData(502, "temporary")]
    public async Task An_error_status_of_a_webhook_in_SMS_PROVIDERS_counts_as_a_failure(int status, string kind)
    {
        await using var portal = await PortalHost.StartWithAsync(
            null, _server.Address, ("WEBHOOKS", "own"), ("WEBHOOK_OWN_URL", _server.Address + "own"), ("SMS_PROVIDERS", "own"),
            ("SMS_COUNTRIES", "DE"));
        _server.Answer = _ => (status, "");
        var own = portal.Services.GetRequiredService<Providers>().Find("own").ShouldNotBeNull();

        var sending = portal.Services.GetRequiredService<Dispatcher>().SendAsync(own, Sms, CancellationToken.None);
        await portal.Clock.AdvanceUntilAsync(() => sending.IsCompleted, TimeSpan.FromMilliseconds(100));

        (await sending).ShouldBeOfType<DispatchOutcome.Failed>().Last.Describe().Kind.ShouldBe(kind);
    }

    [Theory]
    [InlineData("sipgate_sms")]
    [InlineData("kaleyra_sms")]
    [InlineData("pinpoint_sms")]
    [InlineData("quiet")]
    public async Task Retries_a_temporary_failure_once(string provider)
    {
        _server.Answer = count => count == 1 ? (503, "") : (200, "{}");

        (await SendAsync(provider, Sms)).ShouldBe(new DispatchOutcome.Sent(provider));

        _server.Requests.Count.ShouldBe(2);
        _server.Requests.Select(request => request.Body).Distinct().Count().ShouldBe(1, "it is the same message");
    }

    [Theory]
    [InlineData("sipgate_sms")]
    [InlineData("kaleyra_whatsapp")]
    [InlineData("pinpoint_sms")]
    [InlineData("quiet")]
    public async Task A_timeout_after_10_seconds_is_not_retried(string provider)
    {
        _server.Answer = _ => null;
        var sending = _portal.Services.GetRequiredService<Dispatcher>().SendAsync(Find(provider), Sms, CancellationToken.None);
        await Eventually.BeTrueAsync(() => _server.Requests.Count == 1);

        _portal.Clock.Advance(TimeSpan.FromSeconds(9.9));
        sending.IsCompleted.ShouldBeFalse();
        _portal.Clock.Advance(TimeSpan.FromSeconds(0.1));

        (await sending).ShouldBeOfType<DispatchOutcome.Failed>().Last.ShouldBe(new SendOutcome.Temporary("no response within 10 s"));
        // Not retried, because the server may have sent the message.
        _server.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Waits_for_a_slow_server()
    {
        var ready = false;
        _server.Answer = _ => SpinWait.SpinUntil(() => Volatile.Read(ref ready), TimeSpan.FromSeconds(20)) ? (200, "{}") : null;
        var sending = _portal.Services.GetRequiredService<Dispatcher>().SendAsync(Find("sipgate_sms"), Sms, CancellationToken.None);
        await Eventually.BeTrueAsync(() => _server.Requests.Count == 1);
        _portal.Clock.Advance(TimeSpan.FromSeconds(9));

        Volatile.Write(ref ready, true);

        (await sending).ShouldBe(new DispatchOutcome.Sent("sipgate_sms"));
    }

    [Fact]
    public async Task An_unreachable_server_is_a_temporary_failure()
    {
        await _server.StopAsync();

        (await SendAsync("quiet", Sms)).ShouldBeOfType<DispatchOutcome.Failed>()
            .Last.ShouldBeOfType<SendOutcome.Temporary>()
            .Reason.ShouldContain("cannot connect");
    }

    [Fact]
    public async Task Cancelling_a_send_throws_OperationCanceledException()
    {
        _server.Answer = _ => null;
        using var stop = new CancellationTokenSource();
        var sending = _portal.Services.GetRequiredService<Dispatcher>().SendAsync(Find("quiet"), Sms, stop.Token);
        await Eventually.BeTrueAsync(() => _server.Requests.Count == 1);

        await stop.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(sending);
    }

    [Fact]
    public async Task The_mailbox_shows_SMS_messages()
    {
        (await SendAsync("mailbox", Sms)).ShouldBe(new DispatchOutcome.Sent("mailbox"));

        var shown = (await _portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray().First();
        shown.GetProperty("to").GetString().ShouldBe(Number);
        shown.GetProperty("text").GetString().ShouldBe(Sms.Text);
        shown.GetProperty("html").GetString().ShouldBe("");
    }

    private static IReadOnlyList<(string, string)> Form(RecordedRequest request)
    {
        return [
            .. request.Body.Split('&').Select(pair => pair.Split('='))
                .Select(pair => (Uri.UnescapeDataString(pair[0]), Uri.UnescapeDataString(pair[1].Replace('+', ' '))))];
    }
}
