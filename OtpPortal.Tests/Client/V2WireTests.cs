using System.Net;
using System.Text.Json.Nodes;
using OtpPortal.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>Requests and responses of <c>/api/v2</c> as defined in the OpenAPI document.</summary>
public sealed class V2WireTests : IAsyncLifetime
{
    private RecordingServer _portal = null!;
    private V2Client _v2 = null!;

    public async Task InitializeAsync()
    {
        _portal = await RecordingServer.StartAsync();
        _v2 = Clients.For(_portal.Address, options => options.ApiKey = "the-key").V2;
    }

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private void ShouldHaveSent(string path, string body)
    {
        var request = _portal.Requests[^1];
        (request.Method, request.Path).ShouldBe(("POST", "/api/v2/" + path));
        request.Headers["X-API-KEY"].ShouldBe("the-key");
        request.Headers["Content-Type"].ShouldBe("application/json");
        JsonNode.DeepEquals(JsonNode.Parse(request.Body), JsonNode.Parse(body)).ShouldBeTrue(request.Body);
    }

    [Fact]
    public async Task Creates_an_OTP()
    {
        _portal.AlwaysAnswer(
            201, """{"otpCreateResults":{"id":"the-id","otp":"a1B2"},"requestMetadata":{"uuid":"3f0c8f5e-6a2b-4d2e-9a53-0f6d7f6b8f10"}}""");

        var made = await _v2.CreateOtpAsync(
            new OtpParameters
            {
                CharSetAlphaLower = true,
                CharSetAlphaUpper = false,
                CharSetNumeric = true,
                Length = 4,
                LifespanSeconds = 60,
            });

        made.ShouldBe(new V2Creation<CreatedOtp>.Created(new CreatedOtp("the-id", "a1B2")));
        made.ToString()!.ShouldNotContain("a1B2");
        ShouldHaveSent(
            "otp/create",
            """{"otpCreateParams":{"charSetAlphaLower":true,"charSetAlphaUpper":false,"charSetNumeric":true,"length":4,"lifespanSeconds":60}}""");
        await _v2.CreateOtpAsync(new OtpParameters());
        ShouldHaveSent("otp/create", """{"otpCreateParams":{}}""");
    }

    [Fact]
    public async Task Creates_an_OTP_and_emails_it()
    {
        _portal.AlwaysAnswer(201, """{"otpEmailCreateResults":{"otpCreateResults":{"id":"the-id","otp":"123456"}},"requestMetadata":{}}""");

        var made = await _v2.CreateOtpEmailAsync(new OtpParameters { Length = 6 }, new OtpEmailParameters
        {
            ToEmail = "ann@example.com",
            ToName = "Ann",
            ServiceName = "example.com",
            Subject = "Your code",
            Title = "A code for you",
            Greeting = "Hello Ann,",
            SubTitle = "It is good for an hour.",
            LogoImageUrl = new Uri("https://example.com/logo.png"),
            LogoClickUrl = new Uri("https://example.com/start"),
        });

        made.ShouldBeOfType<V2Creation<CreatedOtp>.Created>().Value.Otp.ShouldBe("123456");
        ShouldHaveSent("otp-email/create", """
            {"otpCreateParams":{"length":6},
             "otpEmailCreateParams":{"toEmail":"ann@example.com","toName":"Ann","serviceName":"example.com",
              "subject":"Your code","title":"A code for you",
              "greeting":"Hello Ann,","subTitle":"It is good for an hour.",
              "logoImageURL":"https://example.com/logo.png","logoClickURL":"https://example.com/start"}}
            """);
    }

    [Fact]
    public async Task Validates_an_OTP()
    {
        _portal.AlwaysAnswer(200, """{"otpValidateResults":{},"requestMetadata":{}}""");
        (await _v2.ValidateOtpAsync("the-id", "123456")).ShouldBeOfType<OtpValidation.Valid>();
        ShouldHaveSent("otp/validate", """{"otpValidateParams":{"id":"the-id","otp":"123456"}}""");

        _portal.AlwaysAnswer(400, """{"code":400,"message":"The OTP is invalid.","requestMetadata":{}}""");
        (await _v2.ValidateOtpAsync("the-id", "123456")).ShouldBe(new OtpValidation.Invalid("The OTP is invalid."));
        _portal.AlwaysAnswer(429, "{}", ("Retry-After", "30"));
        (await _v2.ValidateOtpAsync("the-id", "123456")).ShouldBe(new OtpValidation.Limited(TimeSpan.FromSeconds(30), ""));
    }

    [Fact]
    public async Task Creates_a_magic_link()
    {
        _portal.AlwaysAnswer(
            201,
            """{"magicLinkCreateResults":{"magicLink":"https://login.example.com/api/v2/magic-link?secret=s3cret","secret":"s3cret"},"requestMetadata":{}}""");

        var made = await _v2.CreateMagicLinkAsync(new MagicLinkParameters
        {
            RedirectUrl = new Uri("https://app.example.com/in?a=b"),
            RedirectQueryKey = "token",
            LifespanSeconds = 600,
            JwtCreateParams = new JwtParameters { Alg = "RS256", LifespanSeconds = 300, Claims = new JsonObject { ["order"] = 4711 } },
        });

        made.ShouldBeOfType<V2Creation<CreatedMagicLink>.Created>().Value.Secret.ShouldBe("s3cret");
        made.ToString()!.ShouldNotContain("s3cret");
        ShouldHaveSent("magic-link/create", """
            {"magicLinkCreateParams":{"redirectURL":"https://app.example.com/in?a=b","redirectQueryKey":"token","lifespanSeconds":600,
              "jwtCreateParams":{"alg":"RS256","lifespanSeconds":300,"claims":{"order":4711}}}}
            """);
    }

    [Fact]
    public async Task Creates_a_magic_link_and_emails_it()
    {
        _portal.AlwaysAnswer(
            201,
            """{"magicLinkEmailCreateResults":{"magicLinkCreateResults":{"magicLink":"https://login.example.com/x","secret":"s3cret"}},"requestMetadata":{}}""");

        var made = await _v2.CreateMagicLinkEmailAsync(
            new MagicLinkParameters { RedirectUrl = new Uri("https://app.example.com/in") },
            new MagicLinkEmailParameters
            {
                ToEmail = "ann@example.com",
                ServiceName = "example.com",
                Subject = "Sign in",
                Title = "Sign in to it",
                ButtonText = "Go",
            });

        made.ShouldBeOfType<V2Creation<CreatedMagicLink>.Created>();
        ShouldHaveSent("magic-link-email/create", """
            {"magicLinkCreateParams":{"redirectURL":"https://app.example.com/in"},
             "magicLinkEmailCreateParams":{"toEmail":"ann@example.com","serviceName":"example.com",
              "subject":"Sign in","title":"Sign in to it","buttonText":"Go"}}
            """);
    }

    [Fact]
    public async Task Creates_and_validates_a_JWT()
    {
        _portal.AlwaysAnswer(201, """{"jwtCreateResults":{"jwt":"a.b.c"},"requestMetadata":{}}""");
        var made = await _v2.CreateJwtAsync(new JwtParameters { Claims = new JsonObject { ["role"] = "admin" } });
        made.ShouldBeOfType<V2Creation<CreatedJwt>.Created>().Value.Jwt.ShouldBe("a.b.c");
        made.ToString()!.ShouldNotContain("a.b.c");
        ShouldHaveSent("jwt/create", """{"jwtCreateParams":{"claims":{"role":"admin"}}}""");

        _portal.AlwaysAnswer(200, """{"jwtValidateResults":{"claims":{"role":"admin","exp":1}},"requestMetadata":{}}""");
        (await _v2.ValidateJwtAsync("a.b.c")).ShouldBeOfType<JwtValidation.Valid>().Claims.GetProperty("role").GetString()
            .ShouldBe("admin");
        ShouldHaveSent("jwt/validate", """{"jwtValidateParams":{"jwt":"a.b.c"}}""");
        _portal.AlwaysAnswer(422, """{"code":422,"message":"The JWT has expired.","requestMetadata":{}}""");
        (await _v2.ValidateJwtAsync("a.b.c")).ShouldBe(new JwtValidation.Invalid("The JWT has expired."));
    }

    [Fact]
    public async Task Creates_a_service_account()
    {
        _portal.AlwaysAnswer(201, """
            {"serviceAccountCreateResults":{"serviceAccount":{"uuid":"3f0c8f5e-6a2b-4d2e-9a53-0f6d7f6b8f10","apiKey":"new-key","aud":"the-aud","admin":false}},"requestMetadata":{}}
            """);

        var made = await _v2.CreateServiceAccountAsync();

        made.ShouldBe(
            new V2Creation<ServiceAccount>.Created(
                new ServiceAccount(Guid.Parse("3f0c8f5e-6a2b-4d2e-9a53-0f6d7f6b8f10"), "new-key", "the-aud", Admin: false)));
        made.ToString()!.ShouldNotContain("new-key");
        ShouldHaveSent("admin/service-account/create", """{"serviceAccountCreateParams":{}}""");
    }

    [Fact]
    public async Task Reports_readiness()
    {
        (await _v2.IsReadyAsync()).ShouldBeTrue();
        _portal.Requests[^1].Path.ShouldBe("/api/v2/ready");
        _portal.AlwaysAnswer(503, "");
        (await _v2.IsReadyAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Maps_refused_rate_limited_and_unexpected_responses()
    {
        _portal.AlwaysAnswer(400, """{"code":400,"message":"length must be 1 to 12.","requestMetadata":{}}""");
        (await _v2.CreateOtpAsync(new OtpParameters { Length = 13 }))
            .ShouldBe(new V2Creation<CreatedOtp>.Refused("length must be 1 to 12."));
        _portal.AlwaysAnswer(429, """{"code":429,"message":"Too many requests.","requestMetadata":{}}""", ("Retry-After", "3"));
        (await _v2.CreateJwtAsync(new JwtParameters()))
            .ShouldBe(new V2Creation<CreatedJwt>.Limited(TimeSpan.FromSeconds(3), "Too many requests."));

        _portal.AlwaysAnswer(401, """{"code":401,"message":"Unknown key.","requestMetadata":{}}""");
        var refused = await Should.ThrowAsync<OtpPortalException>(() => _v2.ValidateOtpAsync("the-id", "123456"));
        (refused.Status, refused.Message)
            .ShouldBe((HttpStatusCode.Unauthorized, "The portal rejected the credentials (401): Unknown key."));
        _portal.AlwaysAnswer(201, """{"otpCreateResults":{"id":"the-id"}}""");
        await Should.ThrowAsync<OtpPortalException>(() => _v2.CreateOtpAsync(new OtpParameters()));
        _portal.AlwaysAnswer(201, """{"otpCreateResults":null}""");
        await Should.ThrowAsync<OtpPortalException>(() => _v2.CreateOtpAsync(new OtpParameters()));
        _portal.AlwaysAnswer(200, """{"jwtValidateResults":{}}""");
        await Should.ThrowAsync<OtpPortalException>(() => _v2.ValidateJwtAsync("a.b.c"));
        (await Should.ThrowAsync<InvalidOperationException>(() => Clients.For(_portal.Address).V2.CreateServiceAccountAsync())).Message
            .ShouldContain("ApiKey");
    }
}
