namespace OtpPortal.Configuration;

/// <summary>
/// Prevents startup because of invalid settings. Each error is one line that names the setting and the allowed values.
/// </summary>
public sealed class SettingsException(IReadOnlyList<string> errors) : Exception(string.Join('\n', errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
