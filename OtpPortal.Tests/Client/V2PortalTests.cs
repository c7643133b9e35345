using System.Net;
using System.Text.Json.Nodes;
using OtpPortal.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>The client of <c>/api/v2</c>, tested against a real portal.</summary>
public sealed class V2PortalTests(V2PortalTests.WithAccount portal) : IClassFixture<V2PortalTests.WithAccount>
{
    private const string AdminKey = "7d0f5d0e-0e3a-4a35-8b53-9a7d3f0b1c11";

    private readonly V2Client _v2 = Clients.For(portal.Host.Address, options => options.ApiKey = AdminKey).V2;

    private static T ValueOf<T>(V2Creation<T> made) => made.ShouldBeOfType<V2Creation<T>.Created>(made.ToString()!).Value;

    [Fact]
    public async Task Reports_that_the_portal_is_ready() => (await _v2.IsReadyAsync()).ShouldBeTrue();

    [Fact]
    public async Task A_created_code_is_valid_only_once()
    {
        var made = ValueOf(await _v2.CreateOtpAsync(new OtpParameters { CharSetNumeric = true, Length = 8, LifespanSeconds = 60 }));

        made.Otp.ShouldMatch("^[0-9]{8}$");
        (await _v2.ValidateOtpAsync(made.Id, made.Otp[..^1] + (made.Otp[^1] == '0' ? '1' : '0'))).ShouldBeOfType<OtpValidation.Invalid>();
        (await _v2.ValidateOtpAsync(made.Id, made.Otp)).ShouldBeOfType<OtpValidation.Valid>();
        (await _v2.ValidateOtpAsync(made.Id, made.Otp)).ShouldBeOfType<OtpValidation.Invalid>();
    }

    [Fact]
    public async Task Sends_codes_and_links_by_email()
    {
        var (ann, bob) = (TestUser.New(), TestUser.New());

        var otp = ValueOf(await _v2.CreateOtpEmailAsync(
            new OtpParameters { CharSetNumeric = true },
            new OtpEmailParameters { ToEmail = ann, ServiceName = "example.com", Subject = "Your code for it", Title = "A code for you" }));
        var link = ValueOf(await _v2.CreateMagicLinkEmailAsync(
            new MagicLinkParameters { RedirectUrl = new Uri("https://app.example.com/in") },
            new MagicLinkEmailParameters
            {
                ToEmail = bob,
                ServiceName = "example.com",
                Subject = "Sign in to it",
                Title = "Sign in to it",
            }));

        (await MailToAsync(ann)).ShouldContain(otp.Otp);
        (await MailToAsync(bob)).ShouldContain(link.Secret);
        link.MagicLink.AbsoluteUri.ShouldStartWith(portal.Host.Address.AbsoluteUri);
    }

    [Fact]
    public async Task Sends_a_link_and_a_code_in_one_email()
    {
        var ann = TestUser.New();

        var made = ValueOf(await _v2.CreateMagicLinkEmailAsync(
            new MagicLinkParameters { RedirectUrl = new Uri("https://app.example.com/in") }, new OtpParameters { CharSetNumeric = true },
            new MagicLinkEmailParameters
            {
                ToEmail = ann,
                ServiceName = "example.com",
                Subject = "Sign in to it",
                Title = "Sign in to it",
            }));

        var mail = await MailToAsync(ann);
        mail.ShouldContain(made.Link.Secret);
        mail.ShouldContain(made.Otp.Otp);
        made.ToString().ShouldNotContain(made.Otp.Otp);
        (await _v2.ValidateOtpAsync(made.Otp.Id, made.Otp.Otp)).ShouldBeOfType<OtpValidation.Valid>();
    }

    [Fact]
    public async Task An_account_with_an_allowlist_cannot_create_links_to_other_hosts()
    {
        var account = ValueOf(await _v2.CreateServiceAccountAsync(["app.example.com"]));
        var own = Clients.For(portal.Host.Address, options => options.ApiKey = account.ApiKey).V2;

        ValueOf(await own.CreateMagicLinkAsync(new MagicLinkParameters { RedirectUrl = new Uri("https://app.example.com/in") }));
        (await own.CreateMagicLinkAsync(new MagicLinkParameters { RedirectUrl = new Uri("https://evil.example/") }))
            .ShouldBeOfType<V2Creation<CreatedMagicLink>.Refused>()
            .Reason.ShouldContain("redirectURL");
    }

    [Fact]
    public async Task Creates_a_magic_link()
    {
        var link = ValueOf(await _v2.CreateMagicLinkAsync(new MagicLinkParameters { RedirectUrl = new Uri("https://app.example.com/in") }));

        link.MagicLink.AbsoluteUri.ShouldStartWith(portal.Host.Address.AbsoluteUri);
        link.Secret.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Creates_and_validates_a_JWT()
    {
        var jwt = ValueOf(
            await _v2.CreateJwtAsync(
                new JwtParameters
                {
                    Alg = "RS256",
                    LifespanSeconds = 60,
                    Claims = new JsonObject { ["role"] = "guest", ["email"] = "root@example.com" },
                })).Jwt;

        (await _v2.ValidateJwtAsync(jwt)).ShouldBeOfType<JwtValidation.Valid>().Claims.GetProperty("role").GetString().ShouldBe("guest");
        (await _v2.ValidateJwtAsync(jwt[..^4] + "AAAA")).ShouldBeOfType<JwtValidation.Invalid>();
        (await _v2.CreateJwtAsync(new JwtParameters { Claims = new JsonObject { ["sub"] = "root@example.com" } }))
            .ShouldBeOfType<V2Creation<CreatedJwt>.Refused>();
        (await Clients.Validator(portal.Host.Address, WithAccount.Audience, portal.Host.Clock).ValidateAsync(jwt))
            .ShouldBe(new TokenValidation.Invalid("The JWT is not for a signed-in user."), "a service account cannot act as the portal");
    }

    [Fact]
    public async Task Creates_a_service_account_with_a_working_key()
    {
        var account = ValueOf(await _v2.CreateServiceAccountAsync());

        account.Admin.ShouldBeFalse();
        var own = Clients.For(portal.Host.Address, options => options.ApiKey = account.ApiKey).V2;
        ValueOf(await own.CreateOtpAsync(new OtpParameters { CharSetNumeric = true })).Otp.ShouldNotBeEmpty();
        (await Should.ThrowAsync<OtpPortalException>(() => own.CreateServiceAccountAsync())).Status
            .ShouldBeOneOf(HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Invalid_parameters_are_returned_as_refused_and_a_wrong_key_throws()
    {
        (await _v2.CreateOtpAsync(new OtpParameters { CharSetNumeric = true, Length = 13 }))
            .ShouldBeOfType<V2Creation<CreatedOtp>.Refused>().Reason.ShouldNotBeEmpty();
        var stranger = Clients.For(portal.Host.Address, options => options.ApiKey = Guid.NewGuid().ToString()).V2;
        (await Should.ThrowAsync<OtpPortalException>(() => stranger.CreateOtpAsync(new OtpParameters()))).Status
            .ShouldBeOneOf(HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden);
    }

    private async Task<string> MailToAsync(string email)
    {
        var mailbox = portal.Host.NewApiClient();
        return await Eventually.GetAsync(async () => (await mailbox.GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .Where(message => message.GetProperty("to").GetString() == email)
            .Select(message => message.GetProperty("text").GetString())
            .FirstOrDefault());
    }

    /// <summary>A portal with the first admin account.</summary>
    public sealed class WithAccount : IAsyncLifetime
    {
        public const string Audience = "2f2c6a64-53d5-4a8c-9d80-6a5f0f1f6a55";

        public PortalHost Host { get; private set; } = null!;

        public async Task InitializeAsync() =>
            Host = await PortalHost.StartAsync(("V2_ADMIN_ACCOUNT", $"1b671a64-40d5-491e-99b0-da01ff1f3341:{AdminKey}:{Audience}"));

        public async Task DisposeAsync() => await Host.DisposeAsync();
    }
}
