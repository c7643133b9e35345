namespace OtpPortal.Configuration;

/// <summary>The portal refuses to start; each error is one line that names a setting and what is allowed.</summary>
public sealed class SettingsException(IReadOnlyList<string> errors) : Exception(string.Join('\n', errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
