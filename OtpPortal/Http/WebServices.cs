using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>The HTTP edge that all features share.</summary>
public static class WebServices
{
    /// <summary>No form of the portal needs more; larger bodies are 413.</summary>
    private const int MaxBody = 64 * 1024;

    public static WebApplicationBuilder AddWeb(this WebApplicationBuilder builder)
    {
        var portal = builder.AddSettings<PortalSettings>();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddScoped<PageStatus>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBody;
            Listening.Configure(kestrel, portal);
        });
        return builder;
    }
}
