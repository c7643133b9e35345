using OtpPortal.Configuration;

namespace OtpPortal.OneTimeCodes;

/// <summary>Settings of all one-time codes, whichever API creates them.</summary>
/// <param name="CodeLength">OTP_CODE_LENGTH: 6–24 digits (NIST SP 800-63B-4, 3.1.3.2: at least six).</param>
/// <param name="CodeExpiry">OTP_CODE_EXPIRY: 30–600 s (NIST SP 800-63B-4, 3.1.3.2: at most ten minutes).</param>
/// <param name="MaxAttempts">OTP_MAX_ATTEMPTS: maximum number of attempts per sign-in, for all its codes together.</param>
/// <param name="MaxSends">OTP_MAX_SENDS: maximum number of codes per sign-in, including the first.</param>
/// <param name="ResendCooldown">OTP_RESEND_COOLDOWN: minimum time between two sends.</param>
public sealed record CodeSettings(int CodeLength, TimeSpan CodeExpiry, int MaxAttempts, int MaxSends, TimeSpan ResendCooldown)
    : ISettings<CodeSettings>
{
    public CodeOptions Terms => new(CodeExpiry, MaxAttempts, MaxSends, ResendCooldown);

    public static CodeSettings Read(SettingsReader reader) => new(
        reader.Integer("OTP_CODE_LENGTH", 6, 6, 24, "digits"),
        reader.Seconds("OTP_CODE_EXPIRY", 300, 30, 600),
        reader.Integer("OTP_MAX_ATTEMPTS", 5, 1, 20),
        reader.Integer("OTP_MAX_SENDS", 3, 1, 10),
        reader.Seconds("OTP_RESEND_COOLDOWN", 30, 0, 600));
}
