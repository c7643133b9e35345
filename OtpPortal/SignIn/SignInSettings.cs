using System.Text.RegularExpressions;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.SignIn;

/// <summary>Settings of sign-ins.</summary>
/// <param name="AllowedEmails">ALLOWED_EMAILS: addresses and <c>*@domain</c>; empty allows all.</param>
/// <param name="Directory">USERS_FILE: the users who may sign in, and their phone numbers; null allows every address that
/// ALLOWED_EMAILS allows.</param>
/// <param name="MailLink">MAIL_LINK: adds a sign-in link to the email.</param>
/// <param name="NewDeviceMail">NEW_DEVICE_MAIL: emails users when they sign in with a kind of browser for the first
/// time.</param>
public sealed partial record SignInSettings(
    IReadOnlyList<string> AllowedEmails,
    bool MailLink,
    bool NewDeviceMail,
    UserDirectory? Directory) : ISettings<SignInSettings>
{
    /// <summary>Whether the address page lets the user choose email or SMS.</summary>
    public bool OffersSms => Directory is { HasPhones: true };

    /// <summary>
    /// Returns whether a normalized address may sign in. Clients cannot tell: other addresses see the same pages but get no
    /// email.
    /// </summary>
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

    [GeneratedRegex(@"^\*@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex DomainWildcard();
}
