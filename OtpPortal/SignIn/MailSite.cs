using System.Collections.Frozen;

namespace OtpPortal.SignIn;

/// <summary>The website of a mail provider that many people use, so that the code page can link to the inbox.</summary>
public sealed record MailSite(string Name, string Url)
{
    private static readonly MailSite s_gmail = new("Gmail", "https://mail.google.com/mail/");
    private static readonly MailSite s_outlook = new("Outlook", "https://outlook.live.com/mail/");
    private static readonly MailSite s_yahoo = new("Yahoo Mail", "https://mail.yahoo.com/");
    private static readonly MailSite s_icloud = new("iCloud Mail", "https://www.icloud.com/mail");
    private static readonly MailSite s_proton = new("Proton Mail", "https://mail.proton.me/");
    private static readonly MailSite s_gmx = new("GMX", "https://www.gmx.net/");
    private static readonly MailSite s_tuta = new("Tuta", "https://app.tuta.com/");

    private static readonly FrozenDictionary<string, MailSite> s_sites = new Dictionary<string, MailSite>(StringComparer.OrdinalIgnoreCase)
    {
        ["gmail.com"] = s_gmail, ["googlemail.com"] = s_gmail,
        ["outlook.com"] = s_outlook, ["outlook.de"] = s_outlook, ["outlook.fr"] = s_outlook, ["outlook.es"] = s_outlook,
        ["hotmail.com"] = s_outlook, ["hotmail.de"] = s_outlook, ["hotmail.fr"] = s_outlook, ["hotmail.es"] = s_outlook,
        ["hotmail.co.uk"] = s_outlook, ["live.com"] = s_outlook, ["live.de"] = s_outlook, ["live.fr"] = s_outlook, ["msn.com"] = s_outlook,
        ["yahoo.com"] = s_yahoo, ["yahoo.de"] = s_yahoo, ["yahoo.fr"] = s_yahoo, ["yahoo.es"] = s_yahoo, ["yahoo.co.uk"] = s_yahoo,
        ["icloud.com"] = s_icloud, ["me.com"] = s_icloud, ["mac.com"] = s_icloud,
        ["proton.me"] = s_proton, ["protonmail.com"] = s_proton, ["pm.me"] = s_proton,
        ["gmx.de"] = s_gmx, ["gmx.net"] = s_gmx, ["gmx.at"] = s_gmx, ["gmx.ch"] = s_gmx,
        ["tuta.com"] = s_tuta, ["tuta.io"] = s_tuta, ["tutanota.com"] = s_tuta, ["tutanota.de"] = s_tuta,
        ["web.de"] = new("WEB.DE", "https://web.de/"), ["fastmail.com"] = new("Fastmail", "https://app.fastmail.com/"),
        ["aol.com"] = new("AOL Mail", "https://mail.aol.com/"), ["zoho.com"] = new("Zoho Mail", "https://mail.zoho.com/"),
        ["hey.com"] = new("HEY", "https://app.hey.com/"), ["qq.com"] = new("QQ Mail", "https://mail.qq.com/"),
        ["163.com"] = new("163 Mail", "https://mail.163.com/"), ["126.com"] = new("126 Mail", "https://mail.126.com/"),
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Returns the website for an address, or null if its domain is not one of a known provider.</summary>
    public static MailSite? Find(string address) => s_sites.GetValueOrDefault(address[(address.LastIndexOf('@') + 1)..]);
}
