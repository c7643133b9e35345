using OtpPortal.Admin;
using OtpPortal.Delivery;
using OtpPortal.Limits;
using OtpPortal.Limits.Captcha;
using OtpPortal.SignIn;
using OtpPortal.Storage;
using OtpPortal.Tokens;
using OtpPortal.Web;

namespace OtpPortal.Settings;

/// <summary>Every setting, read and checked once at the start.</summary>
public sealed record PortalConfiguration(
    PortalSettings Portal,
    StorageSettings Storage,
    SignInSettings SignIn,
    TokenSettings Tokens,
    MailSettings Mail,
    LimitSettings Limits,
    CaptchaSettings Captcha,
    AdminSettings Admin,
    TelemetrySettings Telemetry)
{
    /// <summary>Reads all settings. Throws <see cref="SettingsException"/> with every complaint when any value is not allowed.</summary>
    public static PortalConfiguration Read(SettingsReader reader)
    {
        var portal = PortalSettings.Read(reader);
        var configuration = new PortalConfiguration(
            portal,
            StorageSettings.Read(reader),
            SignInSettings.Read(reader),
            TokenSettings.Read(reader, portal),
            MailSettings.Read(reader, portal),
            LimitSettings.Read(reader),
            CaptchaSettings.Read(reader),
            AdminSettings.Read(reader),
            TelemetrySettings.Read(reader));
        return reader.Complaints.Count == 0 ? configuration : throw new SettingsException(reader.Complaints);
    }
}

/// <summary>The start is refused; each complaint is one line that names a setting and what is allowed.</summary>
public sealed class SettingsException(IReadOnlyList<string> complaints) : Exception(string.Join('\n', complaints))
{
    public IReadOnlyList<string> Complaints { get; } = complaints;
}
