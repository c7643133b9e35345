using System.Text.RegularExpressions;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;
using OtpPortal.OneTimeCodes;
using OtpPortal.Configuration;

namespace OtpPortal.SignIn;

/// <summary>Codes and who may ask for one.</summary>
/// <param name="CodeLength">OTP_CODE_LENGTH: 6–24 digits (NIST SP 800-63B-4, 3.1.3.2: six at least).</param>
/// <param name="CodeExpiry">OTP_CODE_EXPIRY: 30–600 s (NIST SP 800-63B-4, 3.1.3.2: ten minutes at most).</param>
/// <param name="MaxAttempts">OTP_MAX_ATTEMPTS: tries a sign-in, for all its codes together.</param>
/// <param name="MaxSends">OTP_MAX_SENDS: codes a sign-in, the first one included.</param>
/// <param name="ResendCooldown">OTP_RESEND_COOLDOWN: least time between two sends.</param>
/// <param name="AllowedEmails">ALLOWED_EMAILS: addresses and <c>*@domain</c>; empty allows all.</param>
/// <param name="Directory">USERS_FILE: who may sign in, and their telephone numbers; null lets everybody whom ALLOWED_EMAILS allows.</param>
/// <param name="MailLink">MAIL_LINK: the mail has a link beside the code.</param>
/// <param name="NewDeviceMail">NEW_DEVICE_MAIL: users are written to when they sign in with a kind of browser for the first time.</param>
public sealed partial record SignInSettings(
    int CodeLength,
    TimeSpan CodeExpiry,
    int MaxAttempts,
    int MaxSends,
    TimeSpan ResendCooldown,
    IReadOnlyList<string> AllowedEmails,
    bool MailLink,
    bool NewDeviceMail,
    UserDirectory? Directory)
{
    /// <summary>The address page asks how the code shall come.</summary>
    public bool OffersSms => Directory is { HasPhones: true };

    public CodeTerms Terms => new(CodeExpiry, MaxAttempts, MaxSends, ResendCooldown);

    /// <summary>Whether a normalised address may sign in. Nobody is told: who may not sees the same pages and gets no mail.</summary>
    public bool Allows(string email) =>
        AllowedEmails.Count == 0
        || AllowedEmails.Contains(email, StringComparer.Ordinal)
        || AllowedEmails.Contains("*" + email[email.IndexOf('@', StringComparison.Ordinal)..], StringComparer.Ordinal);

    internal static SignInSettings Read(SettingsReader reader, SmsSettings sms)
    {
        var allowed = new List<string>();
        foreach (var entry in reader.List("ALLOWED_EMAILS").Select(entry => entry.ToLowerInvariant()))
        {
            if (EmailAddress.TryParse(entry, out var email)) allowed.Add(email.Value);
            else if (DomainWildcard().IsMatch(entry)) allowed.Add(entry);
            else reader.Complain("ALLOWED_EMAILS", entry, "addresses such as ann@example.com and whole domains such as *@example.com, with commas between them");
        }
        return new SignInSettings(
            reader.Integer("OTP_CODE_LENGTH", 6, 6, 24, "digits"),
            reader.Seconds("OTP_CODE_EXPIRY", 300, 30, 600),
            reader.Integer("OTP_MAX_ATTEMPTS", 5, 1, 20),
            reader.Integer("OTP_MAX_SENDS", 3, 1, 10),
            reader.Seconds("OTP_RESEND_COOLDOWN", 30, 0, 600),
            allowed,
            reader.Flag("MAIL_LINK"),
            reader.Flag("NEW_DEVICE_MAIL", fallback: true),
            UserDirectory.Read(reader, sms));
    }

    [GeneratedRegex(@"^\*@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\z", RegexOptions.None, 1000)]
    private static partial Regex DomainWildcard();
}
