namespace OtpPortal.Auditing;

/// <summary>What is noted of events: numbers for charts, and who did what. It knows no feature; features tell it what happens.</summary>
public static class JournalServices
{
    public static WebApplicationBuilder AddJournal(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Statistics>();
        builder.Services.AddSingleton<AuditLog>();
        return builder;
    }
}
