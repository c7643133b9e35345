using OtpPortal.Configuration;

namespace OtpPortal.Delivery;

/// <summary>The settings of a provider that is off unless they are set.</summary>
internal interface IOptionalSettings<TSelf>
    where TSelf : class, IOptionalSettings<TSelf>
{
    /// <summary>Reads the settings. Returns null when the provider is not set up, or cannot be; the latter adds errors.</summary>
    static abstract TSelf? Read(SettingsReader reader);
}

/// <summary>Optional settings, read once however many settings depend on them.</summary>
internal sealed record Optional<T>(T? Value) : ISettings<Optional<T>>
    where T : class, IOptionalSettings<T>
{
    public static Optional<T> Read(SettingsReader reader) => new(T.Read(reader));
}
