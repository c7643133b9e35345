using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OtpPortal.Client;
using OtpPortal.Client.Authentication;

namespace OtpPortal.Tests.Client;

/// <summary>Validation of the client's options at startup.</summary>
public sealed class OptionsTests
{
    private static async Task<string> StartAsync(Action<IServiceCollection> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        configure(builder.Services);
        using var app = builder.Build();
        var complaint = await Should.ThrowAsync<OptionsValidationException>(() => app.StartAsync());
        return string.Join('\n', complaint.Failures);
    }

    [Fact]
    public async Task Client_validation_errors_name_the_option_but_no_secret()
    {
        var complaints = await StartAsync(services => services.AddOtpPortalClient(options =>
        {
            options.AuthSecretKey = "hunter two\n";
            options.ApiKey = "";
            options.NamespaceName = "My:App";
            options.Timeout = TimeSpan.Zero;
        }));

        foreach (var option in (string[])["Url", "AuthSecretKey", "ApiKey", "NamespaceName", "NamespaceSecret", "Timeout"])
        {
            complaints.ShouldContain("OtpPortalOptions." + option + " ");
        }
        complaints.ShouldNotContain("hunter");
    }

    [Theory]
    [InlineData("login.example.com")]
    [InlineData("/portal")]
    [InlineData("ftp://login.example.com")]
    [InlineData("https://login.example.com/portal")]
    [InlineData("https://login.example.com/?a=b")]
    [InlineData("https://user:password@login.example.com")]
    public async Task An_invalid_portal_URL_is_refused(string url)
    {
        var address = new Uri(url, UriKind.RelativeOrAbsolute);
        (await StartAsync(services => services.AddOtpPortalClient(options => options.Url = address)))
            .ShouldContain("OtpPortalOptions.Url ");
        (await StartAsync(services => services.AddAuthentication().AddOtpPortal(options => options.Url = address)))
            .ShouldContain("OtpPortalAuthenticationOptions.Url ");
        (await StartAsync(services => services.AddOtpPortalTokenValidator(options => (options.Url, options.Audience) = (address, "app"))))
            .ShouldContain("PortalTokenOptions.Url ");
        Should.Throw<ArgumentException>(() => Clients.For(address)).Message.ShouldContain("OtpPortalOptions.Url ");
    }

    [Fact]
    public async Task Authentication_scheme_validation_errors_name_the_option()
    {
        var complaints = await StartAsync(services => services.AddAuthentication().AddOtpPortal("Portal", options =>
        {
            options.BackchannelUrl = new Uri("/", UriKind.Relative);
            options.CookieName = "auth token";
            options.CacheFor = TimeSpan.FromSeconds(61);
            options.CacheSize = 0;
            options.Timeout = TimeSpan.FromMinutes(2);
        }));

        foreach (var option in (string[])["Url", "BackchannelUrl", "CookieName", "CacheFor", "CacheSize", "Timeout"])
        {
            complaints.ShouldContain("OtpPortalAuthenticationOptions." + option + " ");
        }
    }

    [Fact]
    public async Task Token_validator_validation_errors_name_the_option()
    {
        var complaints = await StartAsync(services => services.AddOtpPortalTokenValidator(options =>
        {
            options.ClockSkew = TimeSpan.FromHours(1);
            options.Timeout = TimeSpan.Zero;
        }));

        foreach (var option in (string[])["Url", "Audience", "ClockSkew", "Timeout"])
            complaints.ShouldContain("PortalTokenOptions." + option + " ");
    }

    [Fact]
    public async Task An_app_with_valid_options_starts_and_resolves_the_clients()
    {
        var portal = new Uri("https://login.example.com");
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOtpPortalClient(
            options => (options.Url, options.NamespaceName, options.NamespaceSecret) = (portal, "MyApp", "s e c r e t"));
        builder.Services.AddOtpPortalTokenValidator(options => (options.Url, options.Audience) = (portal, "app"));
        builder.Services.AddAuthentication().AddOtpPortal(options => options.Url = portal)
            .AddOtpPortal("Another", options => options.Url = new Uri("http://localhost:3000/"));
        using var app = builder.Build();

        await app.StartAsync();

        app.Services.GetRequiredService<OtpPortalClient>().Gateway.ShouldNotBeNull();
        app.Services.GetRequiredService<PortalTokenValidator>().ShouldBeSameAs(app.Services.GetRequiredService<PortalTokenValidator>());
        app.Services.GetRequiredService<IOptionsMonitor<OtpPortalAuthenticationOptions>>().Get("Another").CookieName.ShouldBe("auth_token");
        await app.StopAsync();
    }
}
