using OtpPortal.Configuration;

namespace OtpPortal.JOtp;

/// <summary>Settings of the jOTP API.</summary>
/// <param name="Anonymous">JOTP_ANONYMOUS: allows sessions without credentials. Any client can then send mail, within the
/// limits.</param>
public sealed record JOtpSettings(bool Anonymous) : ISettings<JOtpSettings>
{
    public static JOtpSettings Read(SettingsReader reader) => new(reader.Flag("JOTP_ANONYMOUS"));
}
