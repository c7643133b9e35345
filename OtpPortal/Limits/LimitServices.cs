using OtpPortal.Configuration;
using OtpPortal.Limits.Captcha;

namespace OtpPortal.Limits;

/// <summary>Registers the rate limits and the captcha.</summary>
public static class LimitServices
{
    public static WebApplicationBuilder AddLimits(this WebApplicationBuilder builder)
    {
        builder.AddSettings<LimitSettings>();
        builder.Services.AddSingleton<RateLimiter>();
        builder.Services.AddSingleton<LimitHits>();
        builder.Services.AddSingleton<SendLimits>();
        builder.Services.AddSingleton<RequestQuota>();
        builder.Services.AddSingleton<SecretGuard>();
        builder.Services.AddSingleton<CallerGuard>();
        builder.AddSettings<CaptchaSettings>();
        builder.Services.AddSingleton<WaitingTickets>();
        // Following a redirect would send the secret to its target.
        builder.Services.AddHttpClient<CaptchaVerifier>().ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(5),
        });
        builder.Services.AddTransient<CaptchaGuard>();
        return builder;
    }
}
