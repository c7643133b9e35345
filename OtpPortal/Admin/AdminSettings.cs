using OtpPortal.Configuration;
using OtpPortal.Delivery;

namespace OtpPortal.Admin;

/// <summary>Settings of the administrators, in addition to those who know AUTH_SECRET_KEY.</summary>
/// <param name="Emails">ADMIN_EMAILS: normalized addresses.</param>
public sealed record AdminSettings(IReadOnlyList<string> Emails) : ISettings<AdminSettings>
{
    public bool Admits(string email) => Emails.Contains(email, StringComparer.Ordinal);

    public static AdminSettings Read(SettingsReader reader)
    {
        var emails = new List<string>();
        foreach (var entry in reader.List("ADMIN_EMAILS"))
        {
            // No wildcards: anyone who can get a mailbox in a domain could revoke all sessions. (* is a valid character of an
            // address.)
            if (EmailAddress.TryParse(entry, out var email) && !entry.Contains('*', StringComparison.Ordinal)) emails.Add(email.Value);
            else reader.AddError("ADMIN_EMAILS", entry, "a comma-separated list of addresses such as ann@example.com");
        }
        return new AdminSettings(emails);
    }
}
