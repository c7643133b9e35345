namespace OtpPortal.Auditing;

/// <summary>
/// Registers the audit log and the statistics. They depend on no other module; the modules report their events.
/// </summary>
public static class AuditingServices
{
    public static WebApplicationBuilder AddAuditing(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Statistics>();
        builder.Services.AddSingleton<AuditLog>();
        return builder;
    }
}
