using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Client;
using OtpPortal.Jwt;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>JWTs of the real portal, verified by the client.</summary>
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
    public async Task Who_is_signed_in_is_known_from_the_jwt_until_it_expires(string? algorithm)
    {
        var email = Someone.New();
        var jwt = await JwtAsync(email, algorithm);
        var validator = Clients.Validator(_portal.Address, "app", _portal.Clock);
        var session = await Clients.For(_portal.Address, options => options.AuthSecretKey = PortalHost.Secret).Sessions.ListAsync(email)
            .FirstAsync();

        var good = (await validator.ValidateAsync(jwt)).ShouldBeOfType<TokenValidation.Valid>();

        (good.Email, good.SessionId).ShouldBe((email, session.Id));
        good.ExpiresAt.ShouldBe(_portal.Clock.GetUtcNow() + TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(2));
        (await Clients.Validator(_portal.Address, "another", _portal.Clock).ValidateAsync(jwt)).ShouldBe(new TokenValidation.Invalid("The audience is wrong."));
        _portal.Clock.Advance(TimeSpan.FromSeconds(330));
        (await validator.ValidateAsync(jwt)).ShouldBe(new TokenValidation.Invalid("The JWT has expired."));
    }

    [Fact]
    public async Task A_portal_without_ed25519_signs_with_es256_by_default_and_that_is_accepted()
    {
        await using var portal = await PortalHost.StartWithAsync(
            builder => builder.Services.AddSingleton(JwtAlgorithms.Of(hasEd25519: false)), null, ("TOKEN_AUDIENCE", "app"));
        var email = Someone.New();
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];
        var jwt = (await Clients.For(portal.Address).IssueJwtAsync(token, null)).ShouldBeOfType<JwtIssue.Issued>().Jwt;

        (await Clients.Validator(portal.Address, "app", portal.Clock).ValidateAsync(jwt))
            .ShouldBeOfType<TokenValidation.Valid>().Email.ShouldBe(email);
    }

    [Fact]
    public async Task Another_portals_jwt_is_not_good_here()
    {
        await using var other = await PortalHost.StartAsync(("TOKEN_AUDIENCE", "app"));
        var jwt = await JwtAsync(Someone.New(), "RS256");

        (await Clients.Validator(other.Address, "app", _portal.Clock).ValidateAsync(jwt)).ShouldBe(new TokenValidation.Invalid("The key is not a key of the portal."));
        (await Clients.Validator(other.Address, "app", _portal.Clock, options => options.BackchannelUrl = _portal.Address).ValidateAsync(jwt))
            .ShouldBe(new TokenValidation.Invalid("The issuer is wrong."));
    }

    [Fact]
    public async Task After_a_rotation_of_keys_at_once_old_jwts_are_refused_and_new_ones_good()
    {
        var validator = Clients.Validator(_portal.Address, "app", _portal.Clock);
        var old = await JwtAsync(Someone.New(), "RS256");
        (await validator.ValidateAsync(old)).ShouldBeOfType<TokenValidation.Valid>();

        using var program = _portal.NewProgram();
        (await program.SendAsync(
            HttpMethod.Post, "/signing-keys/rotate?now=true", null, ("Authorization", $"Bearer {PortalHost.Secret}"))).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromSeconds(31));

        (await validator.ValidateAsync(await JwtAsync(Someone.New(), "RS256"))).ShouldBeOfType<TokenValidation.Valid>();
        (await validator.ValidateAsync(old)).ShouldBe(new TokenValidation.Invalid("The key is not a key of the portal."));
    }
}
