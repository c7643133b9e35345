using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Registers the HTTP services that all modules share.</summary>
public static class PortalHttpServices
{
    /// <summary>Maximum body size in bytes, enough for every form of the portal. Larger bodies get 413.</summary>
    private const int MaxBody = 64 * 1024;

    public static WebApplicationBuilder AddPortalHttp(this WebApplicationBuilder builder)
    {
        var portal = builder.AddSettings<PortalSettings>();
        var metricsPort = builder.GetSettings<TelemetrySettings>().MetricsPort;
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddScoped<PageStatus>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBody;
            KestrelEndpoints.Configure(kestrel, portal, portal.Port);
            if (metricsPort is { } port) KestrelEndpoints.Configure(kestrel, portal, port);
        });
        return builder;
    }
}
