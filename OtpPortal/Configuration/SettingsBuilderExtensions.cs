namespace OtpPortal.Configuration;

/// <summary>Gives each feature's registration its settings, and collects the errors of all of them.</summary>
public static class SettingsBuilderExtensions
{
    /// <summary>Registers a feature's settings and returns them.</summary>
    public static TSettings AddSettings<TSettings>(this IHostApplicationBuilder builder)
        where TSettings : class, ISettings<TSettings>
    {
        var settings = builder.GetSettings<TSettings>();
        builder.Services.AddSingleton(settings);
        return settings;
    }

    /// <summary>Returns settings that another feature registers.</summary>
    public static TSettings GetSettings<TSettings>(this IHostApplicationBuilder builder)
        where TSettings : class, ISettings<TSettings> => Reader(builder).Get<TSettings>();

    /// <summary>Ends the start if any setting that was read so far is not allowed.</summary>
    /// <exception cref="SettingsException">Names every setting that is not allowed.</exception>
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
