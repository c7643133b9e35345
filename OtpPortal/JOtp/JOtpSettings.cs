using OtpPortal.Configuration;

namespace OtpPortal.JOtp;

/// <summary>The jOTP API.</summary>
/// <param name="Anonymous">JOTP_ANONYMOUS: sessions are begun without credentials. Whoever reaches the portal can then have mail sent,
/// within the limits.</param>
public sealed record JOtpSettings(bool Anonymous) : ISettings<JOtpSettings>
{
    public static JOtpSettings Read(SettingsReader reader) => new(reader.Flag("JOTP_ANONYMOUS"));
}
