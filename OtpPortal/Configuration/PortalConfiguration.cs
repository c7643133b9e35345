using OtpPortal.Admin;
using OtpPortal.Delivery;
using OtpPortal.Gateway;
using OtpPortal.JOtp;
using OtpPortal.Jwt;
using OtpPortal.Limits;
using OtpPortal.Limits.Captcha;
using OtpPortal.MagicLinks;
using OtpPortal.SignIn;
using OtpPortal.Storage;
using OtpPortal.Sessions;
using OtpPortal.Http;

namespace OtpPortal.Configuration;

/// <summary>Every setting, read and checked once at the start.</summary>
public sealed record PortalConfiguration(
    PortalSettings Portal,
    StorageSettings Storage,
    SignInSettings SignIn,
    TokenSettings Tokens,
    MailSettings Mail,
    ProviderSettings Providers,
    LimitSettings Limits,
    CaptchaSettings Captcha,
    AdminSettings Admin,
    GatewaySettings Gateway,
    JOtpSettings JOtp,
    JwtSettings Jwt,
    MagicLinkSettings MagicLinks,
    TelemetrySettings Telemetry)
{
    /// <summary>Reads all settings. Throws <see cref="SettingsException"/> with every complaint when any value is not allowed.</summary>
    public static PortalConfiguration Read(SettingsReader reader)
    {
        var portal = PortalSettings.Read(reader);
        var mail = MailSettings.Read(reader, portal);
        var providers = ProviderSettings.Read(reader, mail);
        var signIn = SignInSettings.Read(reader, providers.Sms);
        var jwt = JwtSettings.Read(reader, portal);
        var configuration = new PortalConfiguration(
            portal,
            StorageSettings.Read(reader),
            signIn,
            TokenSettings.Read(reader, portal),
            mail,
            providers,
            LimitSettings.Read(reader),
            CaptchaSettings.Read(reader),
            AdminSettings.Read(reader),
            GatewaySettings.Read(reader, portal, signIn.Terms, signIn.CodeLength),
            JOtpSettings.Read(reader),
            jwt,
            MagicLinkSettings.Read(reader, jwt, signIn.MaxAttempts),
            TelemetrySettings.Read(reader));
        return reader.Complaints.Count == 0 ? configuration : throw new SettingsException(reader.Complaints);
    }
}

/// <summary>The start is refused; each complaint is one line that names a setting and what is allowed.</summary>
public sealed class SettingsException(IReadOnlyList<string> complaints) : Exception(string.Join('\n', complaints))
{
    public IReadOnlyList<string> Complaints { get; } = complaints;
}
