using OtpPortal.Configuration;

namespace OtpPortal.Delivery;

/// <summary>The settings of a provider that is disabled unless they are set.</summary>
internal interface IOptionalSettings<TSelf>
    where TSelf : class, IOptionalSettings<TSelf>
{
    /// <summary>
    /// Reads the settings. Returns null if the provider is not configured or its settings are invalid; the latter adds errors.
    /// </summary>
    static abstract TSelf? Read(SettingsReader reader);
}

/// <summary>Optional settings, read only once.</summary>
internal sealed record Optional<T>(T? Value) : ISettings<Optional<T>>
    where T : class, IOptionalSettings<T>
{
    public static Optional<T> Read(SettingsReader reader) => new(T.Read(reader));
}
