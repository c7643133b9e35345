using System.Net;
using System.Text.Json;
using OtpPortal.Client;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;
using Backend = OtpPortal.Tests.Gateway.GatewayClient;
using GatewayClient = OtpPortal.Client.GatewayClient;

namespace OtpPortal.Tests.Client;

/// <summary>Verifying addresses through the client's gateway API.</summary>
public sealed class GatewayClientTests(GatewayPortal portal) : IClassFixture<GatewayPortal>
{
    private readonly GatewayClient _gateway = Clients.For(portal.Host.Address, options =>
    {
        options.NamespaceName = "Other";
        options.NamespaceSecret = "secret2:with:colons";
    }).Gateway;

    private static OtpRequest Mail(string? id = null) => new() { Provider = "mailbox", To = TestUser.New(), Id = id };

    private async Task<OtpCreation.Created> CreateOtpAsync(OtpRequest request) =>
        (await _gateway.CreateAsync(request)).ShouldBeOfType<OtpCreation.Created>();

    [Fact]
    public async Task Lists_providers() => (await _gateway.ListProvidersAsync()).ShouldContain("mailbox");

    [Fact]
    public async Task Creates_a_verification_with_every_option_set()
    {
        using var extra = JsonDocument.Parse("""{"order":[4711]}""");
        var request = new OtpRequest
        {
            Provider = "mailbox",
            To = TestUser.New(),
            Id = "order-" + Guid.NewGuid().ToString("N"),
            Code = "Penny-12.34",
            Ttl = TimeSpan.FromMinutes(2),
            MaxAttempts = 2,
            MaxGenerate = 4,
            SkipDelete = true,
            Extra = extra.RootElement,
            ChannelDescription = "For your order & more",
            AddressDescription = "Your address",
            Language = "de",
        };

        var created = await CreateOtpAsync(request);

        created.Code.ShouldBe("Penny-12.34");
        created.ToString().ShouldNotContain("Penny");
        request.ToString().ShouldNotContain("Penny");
        var otp = created.Otp;
        (otp.Namespace, otp.Id, otp.To, otp.Provider).ShouldBe(("Other", request.Id, request.To, "mailbox"));
        (otp.Attempts, otp.MaxAttempts, otp.AttemptsLeft, otp.Generate, otp.MaxGenerate).ShouldBe((1, 2, 2, 1, 4));
        (otp.IsClosed, otp.Ttl, otp.ChannelDescription, otp.AddressDescription).ShouldBe(
            (false, TimeSpan.FromMinutes(2), "For your order & more", "Your address"));
        otp.Extra.GetProperty("order")[0].GetInt32().ShouldBe(4711);
        otp.Url.ShouldBe(new Uri(portal.Host.Address, $"/otp/Other/{request.Id}"));
    }

    [Fact]
    public async Task A_correct_code_is_accepted_only_once()
    {
        var (otp, code) = await CreateOtpAsync(Mail());

        (await _gateway.CheckAsync(otp.Id, Backend.WrongCode(code))).ShouldBeOfType<OtpCheck.Wrong>().Otp.AttemptsLeft.ShouldBe(4);
        (await _gateway.CheckAsync(otp.Id, code)).ShouldBeOfType<OtpCheck.Verified>().Otp.IsClosed.ShouldBeTrue();
        (await _gateway.CheckAsync(otp.Id, code)).ShouldBeOfType<OtpCheck.Unknown>();
        (await _gateway.GetStatusAsync(otp.Id)).ShouldBeOfType<OtpStatus.Unknown>();
    }

    [Fact]
    public async Task A_verification_with_SkipDelete_reports_its_status_until_deleted()
    {
        var (otp, code) = await CreateOtpAsync(Mail() with { SkipDelete = true });

        (await _gateway.GetStatusAsync(otp.Id)).ShouldBeOfType<OtpStatus.Open>();
        (await _gateway.DeleteAsync(otp.Id)).ShouldBeOfType<OtpStatus.Open>();
        (await _gateway.CheckAsync(otp.Id, code)).ShouldBeOfType<OtpCheck.Verified>();
        (await _gateway.CheckAsync(otp.Id, code)).ShouldBeOfType<OtpCheck.AlreadyVerified>();
        (await _gateway.GetStatusAsync(otp.Id)).ShouldBeOfType<OtpStatus.Verified>().Otp.Id.ShouldBe(otp.Id);
        (await _gateway.DeleteAsync(otp.Id)).ShouldBeOfType<OtpStatus.Verified>();
        (await _gateway.DeleteAsync(otp.Id)).ShouldBeOfType<OtpStatus.Unknown>();
    }

    [Fact]
    public async Task The_id_is_locked_for_its_lifetime_after_the_last_attempt()
    {
        var id = Backend.NewId();
        var (_, code) = await CreateOtpAsync(Mail(id) with { MaxAttempts = 1, Ttl = TimeSpan.FromSeconds(100) });

        (await _gateway.CheckAsync(id, Backend.WrongCode(code))).ShouldBeOfType<OtpCheck.Wrong>().Otp.AttemptsLeft.ShouldBe(0);

        (await _gateway.CheckAsync(id, code)).ShouldBeOfType<OtpCheck.Locked>().RetryAfter
            .ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(100));
        (await _gateway.CreateAsync(Mail(id))).ShouldBeOfType<OtpCreation.Locked>().RetryAfter
            .ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(100));
    }

    [Fact]
    public async Task Invalid_user_input_is_returned_as_a_result_and_does_not_throw()
    {
        (await _gateway.CreateAsync(Mail() with { To = "nobody" })).ShouldBeOfType<OtpCreation.Refused>().Reason.ShouldContain("`to`");
        (await _gateway.CreateAsync(Mail() with { Ttl = TimeSpan.FromSeconds(1.5) })).ShouldBeOfType<OtpCreation.Refused>().Reason
            .ShouldContain("`ttl`");
        var (otp, _) = await CreateOtpAsync(Mail());
        (await _gateway.CheckAsync(otp.Id, "")).ShouldBeOfType<OtpCheck.Refused>();
        (await _gateway.CheckAsync(Backend.NewId(), "123456")).ShouldBeOfType<OtpCheck.Unknown>();
    }

    [Theory]
    [InlineData("")]
    [InlineData("short")]
    [InlineData("12345\n")]
    [InlineData("abc\u202Edef")]
    public async Task Throws_ArgumentException_for_an_invalid_id(string id)
    {
        await Should.ThrowAsync<ArgumentException>(() => _gateway.CreateAsync(Mail(id)));
        await Should.ThrowAsync<ArgumentException>(() => _gateway.CheckAsync(id, "123456"));
        await Should.ThrowAsync<ArgumentException>(() => _gateway.GetStatusAsync(id));
        await Should.ThrowAsync<ArgumentException>(() => _gateway.DeleteAsync(id));
    }

    [Theory]
    [InlineData("../../providers")]
    [InlineData("with a blank?and=more#")]
    [InlineData("ann@example.com é %2F")]
    public async Task An_id_is_escaped_as_a_single_path_segment(string id)
    {
        id += Guid.NewGuid().ToString("N");

        var (otp, code) = await CreateOtpAsync(Mail(id) with { SkipDelete = true });

        otp.Id.ShouldBe(id);
        (await _gateway.CheckAsync(id, code)).ShouldBeOfType<OtpCheck.Verified>();
        (await _gateway.GetStatusAsync(id)).ShouldBeOfType<OtpStatus.Verified>();
        (await _gateway.DeleteAsync(id)).ShouldBeOfType<OtpStatus.Verified>();
    }

    [Fact]
    public async Task A_message_blocked_by_a_limit_is_returned_as_held_back()
    {
        await using var limited = await PortalHost.StartWithAsync(
            null, null, ("NAMESPACES", "MyApp:secret"), ("SMS_PROVIDERS", "sipgate_sms"), ("SIPGATE_USERNAME", "u"),
            ("SIPGATE_PASSWORD", "p"), ("SMS_COUNTRIES", "DE"));
        var gateway =
            Clients.For(limited.Address, options => (options.NamespaceName, options.NamespaceSecret) = ("MyApp", "secret")).Gateway;

        var held = (await gateway.CreateAsync(new OtpRequest { Provider = "sipgate_sms", To = "+33612345678" }))
            .ShouldBeOfType<OtpCreation.Limited>();

        held.Reason.ShouldStartWith("The message is not sent");
    }

    [Fact]
    public async Task Throws_on_wrong_credentials_and_failing_providers()
    {
        var stranger =
            Clients.For(portal.Host.Address, options => (options.NamespaceName, options.NamespaceSecret) = ("Other", "guessed")).Gateway;
        var refused = await Should.ThrowAsync<OtpPortalException>(() => stranger.CreateAsync(Mail()));
        (refused.Status, refused.Message)
            .ShouldBe((HttpStatusCode.Unauthorized, "The portal rejected the credentials (401): Invalid API credentials."));

        await using var failing = await RecordingServer.StartAsync();
        var gateway = Clients.For(failing.Address, options => (options.NamespaceName, options.NamespaceSecret) = ("Other", "secret"))
            .Gateway;
        failing.AlwaysAnswer(502, """{"status":"error","message":"The message could not be sent."}""");
        (await Should.ThrowAsync<OtpPortalException>(() => gateway.CreateAsync(Mail()))).Status.ShouldBe(HttpStatusCode.BadGateway);
        failing.AlwaysAnswer(429, """{"status":"error","message":"Too many requests from this namespace."}""", ("Retry-After", "42"));
        (await Should.ThrowAsync<OtpPortalException>(() => gateway.CreateAsync(Mail()))).RetryAfter.ShouldBe(TimeSpan.FromSeconds(42));
        (await Should.ThrowAsync<OtpPortalException>(() => gateway.CheckAsync("order-4711", "123456"))).RetryAfter
            .ShouldBe(TimeSpan.FromSeconds(42));
        failing.AlwaysAnswer(200, """{"status":"success","data":{}}""");
        await Should.ThrowAsync<OtpPortalException>(() => gateway.CheckAsync("order-4711", "123456"));
        (await Should.ThrowAsync<InvalidOperationException>(() => Clients.For(failing.Address).Gateway.ListProvidersAsync())).Message
            .ShouldContain("NamespaceName");
    }
}
