using OtpPortal.Configuration;

namespace OtpPortal.OneTimeCodes;

/// <summary>Registers the one-time codes that every API uses.</summary>
public static class CodeServices
{
    public static WebApplicationBuilder AddOneTimeCodes(this WebApplicationBuilder builder)
    {
        builder.AddSettings<CodeSettings>();
        builder.Services.AddSingleton<CodeStore>();
        return builder;
    }
}
