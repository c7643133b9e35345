using OtpPortal.Settings;
using OtpPortal.SignIn;

namespace OtpPortal.Admin;

/// <summary>Who may administer the portal besides those who know AUTH_SECRET_KEY.</summary>
/// <param name="Emails">ADMIN_EMAILS: addresses, normalised.</param>
public sealed record AdminSettings(IReadOnlyList<string> Emails)
{
    public bool Admits(string email) => Emails.Contains(email, StringComparer.Ordinal);

    internal static AdminSettings Read(SettingsReader reader)
    {
        var emails = new List<string>();
        foreach (var entry in reader.List("ADMIN_EMAILS"))
        {
            if (EmailAddress.TryParse(entry, out var email)) emails.Add(email.Value);
            // No wildcards: whoever can get a mailbox in a domain would end everybody's sessions.
            else reader.Complain("ADMIN_EMAILS", entry, "addresses such as ann@example.com, with commas between them");
        }
        return new AdminSettings(emails);
    }
}
