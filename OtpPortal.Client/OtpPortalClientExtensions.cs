using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OtpPortal.Client;

// The conventional namespace of service extensions.
namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the portal's client.</summary>
public static class OtpPortalClientExtensions
{
    /// <summary>Adds <see cref="OtpPortalClient"/>, based on <see cref="IHttpClientFactory"/>.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">Sets at least <see cref="OtpPortalOptions.Url"/>. Invalid options prevent the app's
    /// startup.</param>
    /// <returns>The builder of its <see cref="HttpClient"/>, to add handlers.</returns>
    public static IHttpClientBuilder AddOtpPortalClient(this IServiceCollection services, Action<OtpPortalOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<OtpPortalOptions>, OtpPortalOptions.Check>());
        services.AddOptions<OtpPortalOptions>().Configure(configure).ValidateOnStart();
        return services.AddPortalHttpClient(nameof(OtpPortalClient))
            .AddTypedClient((http, provider) => new OtpPortalClient(http, provider.GetRequiredService<IOptions<OtpPortalOptions>>().Value));
    }

    /// <summary>Adds <see cref="PortalTokenValidator"/>, which caches the portal's keys.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">
    /// Sets at least <see cref="PortalTokenOptions.Url"/> and <see cref="PortalTokenOptions.Audience"/>. Invalid options
    /// prevent the app's startup.
    /// </param>
    /// <returns>The builder of its <see cref="HttpClient"/>, to add handlers.</returns>
    public static IHttpClientBuilder AddOtpPortalTokenValidator(this IServiceCollection services, Action<PortalTokenOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PortalTokenOptions>, PortalTokenOptions.Check>());
        services.AddOptions<PortalTokenOptions>().Configure(configure).ValidateOnStart();
        services.TryAddSingleton(provider => new PortalTokenValidator(
            provider.GetRequiredService<IHttpClientFactory>().CreateClient(nameof(PortalTokenValidator)),
            provider.GetRequiredService<IOptions<PortalTokenOptions>>().Value, provider.GetRequiredService<TimeProvider>()));
        return services.AddPortalHttpClient(nameof(PortalTokenValidator));
    }

    // Connections are replaced periodically, so a client may be kept for the app's lifetime.
    internal static IHttpClientBuilder AddPortalHttpClient(this IServiceCollection services, string name) =>
        services.AddHttpClient(name).ConfigurePrimaryHttpMessageHandler(OtpPortalClient.CreateHandler)
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan);
}
