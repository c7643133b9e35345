namespace OtpPortal.Configuration;

/// <summary>Registers the settings of each module, and collects their errors.</summary>
public static class SettingsBuilderExtensions
{
    /// <summary>Registers a module's settings and returns them.</summary>
    public static TSettings AddSettings<TSettings>(this IHostApplicationBuilder builder)
        where TSettings : class, ISettings<TSettings>
    {
        var settings = builder.GetSettings<TSettings>();
        builder.Services.AddSingleton(settings);
        return settings;
    }

    /// <summary>Returns settings that another module registers.</summary>
    public static TSettings GetSettings<TSettings>(this IHostApplicationBuilder builder)
        where TSettings : class, ISettings<TSettings> => Reader(builder).Get<TSettings>();

    /// <summary>Prevents startup if any setting read so far is invalid.</summary>
    /// <exception cref="SettingsException">Lists all invalid settings.</exception>
    public static void ThrowIfSettingsAreInvalid(this IHostApplicationBuilder builder)
    {
        if (Reader(builder).Errors is { Count: > 0 } errors) throw new SettingsException(errors);
    }

    private static SettingsReader Reader(IHostApplicationBuilder builder)
    {
        if (builder.Properties.TryGetValue(typeof(SettingsReader), out var reader)) return (SettingsReader)reader;
        var created = new SettingsReader(builder.Configuration, !builder.Environment.IsDevelopment(), builder.Environment.ContentRootPath);
        builder.Properties[typeof(SettingsReader)] = created;
        return created;
    }
}
