using OtpPortal.Configuration;

namespace OtpPortal.Auditing;

/// <summary>
/// Registers the audit log, its stream and the statistics. They depend on no other module; the modules report their events.
/// </summary>
public static class AuditingServices
{
    public static WebApplicationBuilder AddAuditing(this WebApplicationBuilder builder)
    {
        var settings = builder.AddSettings<AuditSettings>();
        var services = builder.Services;
        services.AddSingleton<Statistics>();
        services.AddSingleton<AuditLog>();
        if (settings.File is { } file) services.AddSink(provider => ActivatorUtilities.CreateInstance<AuditFile>(provider, file));
        if (settings.Webhook is not { } target) return builder;
        services.AddSingleton<AuditQueue>();
        services.AddSink(provider => provider.GetRequiredService<AuditQueue>());
        services.AddSingleton<AuditLease>();
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<AuditWebhook>(provider, target));
        services.AddHttpClient(nameof(AuditWebhook)).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            // A redirect could send events to another server, or over plain HTTP.
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(5),
        });
        return builder;
    }

    private static void AddSink<TSink>(this IServiceCollection services, Func<IServiceProvider, TSink> create)
        where TSink : AuditSink
    {
        services.AddSingleton<AuditSink>(create);
        services.AddHostedService(provider => provider.GetServices<AuditSink>().OfType<TSink>().Single());
    }
}
