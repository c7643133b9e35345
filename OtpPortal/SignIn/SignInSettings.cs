using System.Text.RegularExpressions;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.SignIn;

/// <summary>Who may sign in, and how.</summary>
/// <param name="AllowedEmails">ALLOWED_EMAILS: addresses and <c>*@domain</c>; empty allows all.</param>
/// <param name="Directory">USERS_FILE: who may sign in, and their telephone numbers; null lets everybody whom ALLOWED_EMAILS
/// allows.</param>
/// <param name="MailLink">MAIL_LINK: the mail has a link beside the code.</param>
/// <param name="NewDeviceMail">NEW_DEVICE_MAIL: users are written to when they sign in with a kind of browser for the first time.</param>
public sealed partial record SignInSettings(
    IReadOnlyList<string> AllowedEmails,
    bool MailLink,
    bool NewDeviceMail,
    UserDirectory? Directory) : ISettings<SignInSettings>
{
    /// <summary>The address page asks how the code shall come.</summary>
    public bool OffersSms => Directory is { HasPhones: true };

    /// <summary>Whether a normalised address may sign in. Nobody is told: who may not sees the same pages and gets no mail.</summary>
    public bool Allows(string email) =>
        AllowedEmails.Count == 0
        || AllowedEmails.Contains(email, StringComparer.Ordinal)
        || AllowedEmails.Contains("*" + email[email.IndexOf('@', StringComparison.Ordinal)..], StringComparer.Ordinal);

    public static SignInSettings Read(SettingsReader reader)
    {
        var allowed = new List<string>();
        foreach (var entry in reader.List("ALLOWED_EMAILS").Select(entry => entry.ToLowerInvariant()))
        {
            if (EmailAddress.TryParse(entry, out var email)) allowed.Add(email.Value);
            else if (DomainWildcard().IsMatch(entry)) allowed.Add(entry);
            else
            {
                reader.AddError("ALLOWED_EMAILS", entry,
                    "a comma-separated list of addresses such as ann@example.com and domains such as *@example.com");
            }
        }
        return new SignInSettings(
            allowed,
            reader.Flag("MAIL_LINK"),
            reader.Flag("NEW_DEVICE_MAIL", fallback: true),
            UserDirectory.Read(reader, reader.Get<SmsSettings>()));
    }

    [GeneratedRegex(@"^\*@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\z", RegexOptions.None, 1000)]
    private static partial Regex DomainWildcard();
}
