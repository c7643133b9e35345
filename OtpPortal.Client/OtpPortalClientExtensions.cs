using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OtpPortal.Client;

// Where every app looks for it.
namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts the portal's client into an app's services.</summary>
public static class OtpPortalClientExtensions
{
    /// <summary>Adds <see cref="OtpPortalClient"/>, over <see cref="IHttpClientFactory"/>.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">Sets at least <see cref="OtpPortalOptions.Url"/>. What is not allowed stops the start of the app.</param>
    /// <returns>The builder of its <see cref="HttpClient"/>, for handlers of one's own.</returns>
    public static IHttpClientBuilder AddOtpPortalClient(this IServiceCollection services, Action<OtpPortalOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<OtpPortalOptions>, OtpPortalOptions.Check>());
        services.AddOptions<OtpPortalOptions>().Configure(configure).ValidateOnStart();
        return services.AddPortalHttpClient(nameof(OtpPortalClient))
            .AddTypedClient((http, provider) => new OtpPortalClient(http, provider.GetRequiredService<IOptions<OtpPortalOptions>>().Value));
    }

    /// <summary>Adds <see cref="PortalTokenValidator"/>, which keeps the portal's keys.</summary>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">
    /// Sets at least <see cref="PortalTokenOptions.Url"/> and <see cref="PortalTokenOptions.Audience"/>. What is not allowed stops the
    /// start of the app.
    /// </param>
    /// <returns>The builder of its <see cref="HttpClient"/>, for handlers of one's own.</returns>
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

    // The connections renew themselves, so that a client may be kept as long as the app runs.
    internal static IHttpClientBuilder AddPortalHttpClient(this IServiceCollection services, string name) =>
        services.AddHttpClient(name).ConfigurePrimaryHttpMessageHandler(OtpPortalClient.CreateHandler)
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan);
}
