namespace OtpPortal.Configuration;

/// <summary>The settings of one feature, read and checked once at start.</summary>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface ISettings<TSelf>
    where TSelf : ISettings<TSelf>
{
    /// <summary>Reads the settings. An invalid value adds an error to the reader, and the default is used instead.</summary>
    static abstract TSelf Read(SettingsReader reader);
}
