namespace OtpPortal.Configuration;

/// <summary>The settings of a module, read and validated once at startup.</summary>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface ISettings<TSelf>
    where TSelf : ISettings<TSelf>
{
    /// <summary>Reads the settings. For an invalid value, adds an error to the reader and uses the default.</summary>
    static abstract TSelf Read(SettingsReader reader);
}
