using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Client;
using OtpPortal.Jwt;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>The client's token validator, tested with JWTs of a real portal.</summary>
public sealed class PortalTokenTests : IAsyncLifetime
{
    private PortalHost _portal = null!;

    public async Task InitializeAsync() => _portal = await PortalHost.StartAsync(("TOKEN_AUDIENCE", "app"));

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private async Task<string> JwtAsync(string email, string? algorithm)
    {
        var token = (await _portal.SignInAsync(email)).Cookies["auth_token"];
        return (await Clients.For(_portal.Address).IssueJwtAsync(token, algorithm)).ShouldBeOfType<JwtIssue.Issued>().Jwt;
    }

    [Theory]
    [InlineData(null)]
    [InlineData("EdDSA")]
    [InlineData("RS256")]
    public async Task A_JWT_identifies_the_user_until_it_expires(string? algorithm)
    {
        var email = TestUser.New();
        var jwt = await JwtAsync(email, algorithm);
        var validator = Clients.Validator(_portal.Address, "app", _portal.Clock);
        var session = await Clients.For(_portal.Address, options => options.AuthSecretKey = PortalHost.Secret).Sessions.ListAsync(email)
            .FirstAsync();

        var good = (await validator.ValidateAsync(jwt)).ShouldBeOfType<TokenValidation.Valid>();

        (good.Email, good.SessionId).ShouldBe((email, session.Id));
        good.ExpiresAt.ShouldBe(_portal.Clock.GetUtcNow() + TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(2));
        (await Clients.Validator(_portal.Address, "another", _portal.Clock).ValidateAsync(jwt))
            .ShouldBe(new TokenValidation.Invalid("The audience is wrong."));
        _portal.Clock.Advance(TimeSpan.FromSeconds(330));
        (await validator.ValidateAsync(jwt)).ShouldBe(new TokenValidation.Invalid("The JWT has expired."));
    }

    [Fact]
    public async Task Accepts_the_default_ES256_of_a_portal_without_Ed25519()
    {
        await using var portal = await PortalHost.StartWithAsync(
            builder => builder.Services.AddSingleton(JwtAlgorithms.Of(hasEd25519: false)), null, ("TOKEN_AUDIENCE", "app"));
        var email = TestUser.New();
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];
        var jwt = (await Clients.For(portal.Address).IssueJwtAsync(token, null)).ShouldBeOfType<JwtIssue.Issued>().Jwt;

        (await Clients.Validator(portal.Address, "app", portal.Clock).ValidateAsync(jwt))
            .ShouldBeOfType<TokenValidation.Valid>().Email.ShouldBe(email);
    }

    [Fact]
    public async Task A_JWT_of_another_portal_is_refused()
    {
        await using var other = await PortalHost.StartAsync(("TOKEN_AUDIENCE", "app"));
        var jwt = await JwtAsync(TestUser.New(), "RS256");

        (await Clients.Validator(other.Address, "app", _portal.Clock).ValidateAsync(jwt))
            .ShouldBe(new TokenValidation.Invalid("The key is not a key of the portal."));
        (await Clients.Validator(other.Address, "app", _portal.Clock, options => options.BackchannelUrl = _portal.Address)
            .ValidateAsync(jwt))
            .ShouldBe(new TokenValidation.Invalid("The issuer is wrong."));
    }

    [Fact]
    public async Task After_an_immediate_key_rotation_old_JWTs_are_refused_and_new_ones_accepted()
    {
        var validator = Clients.Validator(_portal.Address, "app", _portal.Clock);
        var old = await JwtAsync(TestUser.New(), "RS256");
        (await validator.ValidateAsync(old)).ShouldBeOfType<TokenValidation.Valid>();

        using var program = _portal.NewApiClient();
        (await program.SendAsync(
            HttpMethod.Post, "/signing-keys/rotate?now=true", null, ("Authorization", $"Bearer {PortalHost.Secret}"))).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromSeconds(31));

        (await validator.ValidateAsync(await JwtAsync(TestUser.New(), "RS256"))).ShouldBeOfType<TokenValidation.Valid>();
        (await validator.ValidateAsync(old)).ShouldBe(new TokenValidation.Invalid("The key is not a key of the portal."));
    }
}
