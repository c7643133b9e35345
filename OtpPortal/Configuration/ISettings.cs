namespace OtpPortal.Configuration;

/// <summary>The settings of one feature, read and checked once at start.</summary>
/// <typeparam name="TSelf">The record itself.</typeparam>
public interface ISettings<TSelf>
    where TSelf : ISettings<TSelf>
{
    /// <summary>Reads the settings. Every value that is not allowed becomes an error of the reader, and a default takes its place.</summary>
    static abstract TSelf Read(SettingsReader reader);
}
