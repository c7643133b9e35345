using OtpPortal.Configuration;

namespace OtpPortal.OneTimeCodes;

/// <summary>The one-time codes behind every API.</summary>
public static class CodeServices
{
    public static WebApplicationBuilder AddOneTimeCodes(this WebApplicationBuilder builder)
    {
        builder.AddSettings<CodeSettings>();
        builder.Services.AddSingleton<CodeStore>();
        return builder;
    }
}
