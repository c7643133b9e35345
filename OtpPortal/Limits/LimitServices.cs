using OtpPortal.Settings;

namespace OtpPortal.Limits;

/// <summary>Rate limits.</summary>
public static class LimitServices
{
    public static WebApplicationBuilder AddLimits(this WebApplicationBuilder builder, PortalConfiguration configuration)
    {
        builder.Services.AddSingleton(configuration.Limits);
        builder.Services.AddSingleton<RateLimiter>();
        builder.Services.AddSingleton<SecretGuard>();
        return builder;
    }
}
