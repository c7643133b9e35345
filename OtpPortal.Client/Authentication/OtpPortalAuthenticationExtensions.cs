using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using OtpPortal.Client;
using OtpPortal.Client.Authentication;

// The conventional namespace of service extensions.
namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds sign-in through a portal to an app.</summary>
public static class OtpPortalAuthenticationExtensions
{
    /// <summary>Adds the portal with the default scheme <see cref="OtpPortalDefaults.AuthenticationScheme"/>.</summary>
    /// <param name="builder">The builder from <c>services.AddAuthentication()</c>.</param>
    /// <param name="configure">
    /// Sets at least <see cref="OtpPortalAuthenticationOptions.Url"/>. Invalid options prevent the app's startup.
    /// </param>
    public static AuthenticationBuilder AddOtpPortal(
        this AuthenticationBuilder builder, Action<OtpPortalAuthenticationOptions> configure) =>
        builder.AddOtpPortal(OtpPortalDefaults.AuthenticationScheme, configure);

    /// <summary>Adds a portal with a custom scheme name.</summary>
    /// <param name="builder">The builder from <c>services.AddAuthentication()</c>.</param>
    /// <param name="scheme">The name of the scheme.</param>
    /// <param name="configure">
    /// Sets at least <see cref="OtpPortalAuthenticationOptions.Url"/>. Invalid options prevent the app's startup.
    /// </param>
    public static AuthenticationBuilder AddOtpPortal(
        this AuthenticationBuilder builder, string scheme, Action<OtpPortalAuthenticationOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(scheme);
        ArgumentNullException.ThrowIfNull(configure);
        var services = builder.Services;
        var http = nameof(OtpPortalHandler) + ":" + scheme;
        services.AddPortalHttpClient(http);
        services.AddSingleton<IValidateOptions<OtpPortalAuthenticationOptions>>(new OtpPortalAuthenticationOptions.Check(scheme));
        services.AddOptions<OtpPortalAuthenticationOptions>(scheme).ValidateOnStart();
        services.AddKeyedSingleton(scheme, (provider, _) =>
        {
            var options = provider.GetRequiredService<IOptionsMonitor<OtpPortalAuthenticationOptions>>().Get(scheme);
            var factory = provider.GetRequiredService<IHttpClientFactory>();
            var client = new OtpPortalOptions { Url = options.BackchannelUrl ?? options.Url, Timeout = options.Timeout };
            return new SignInCache(
                options.CacheFor, options.CacheSize, options.TimeProvider ?? TimeProvider.System,
                (token, cancellationToken) => new OtpPortalClient(factory.CreateClient(http), client)
                    .FindEmailAsync(token, cancellationToken));
        });
        return builder.AddScheme<OtpPortalAuthenticationOptions, OtpPortalHandler>(scheme, configure);
    }
}
