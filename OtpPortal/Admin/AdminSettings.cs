using OtpPortal.Configuration;
using OtpPortal.Delivery;

namespace OtpPortal.Admin;

/// <summary>Who may administer the portal besides those who know AUTH_SECRET_KEY.</summary>
/// <param name="Emails">ADMIN_EMAILS: addresses, normalised.</param>
public sealed record AdminSettings(IReadOnlyList<string> Emails) : ISettings<AdminSettings>
{
    public bool Admits(string email) => Emails.Contains(email, StringComparer.Ordinal);

    public static AdminSettings Read(SettingsReader reader)
    {
        var emails = new List<string>();
        foreach (var entry in reader.List("ADMIN_EMAILS"))
        {
            // No wildcards: whoever can get a mailbox in a domain could end everybody's sessions. (As a letter of an address, * is
            // allowed.)
            if (EmailAddress.TryParse(entry, out var email) && !entry.Contains('*', StringComparison.Ordinal)) emails.Add(email.Value);
            else reader.AddError("ADMIN_EMAILS", entry, "a comma-separated list of addresses such as ann@example.com");
        }
        return new AdminSettings(emails);
    }
}
