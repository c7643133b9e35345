using System.Collections.Frozen;

namespace OtpPortal.SignIn;

/// <summary>The website of a mail provider that many people use, so that the code page can link to the inbox.</summary>
public sealed record MailSite(string Name, string Url)
{
    private static readonly (string Name, string Url, string Domains)[] s_providers =
    [
        ("Gmail", "https://mail.google.com/mail/", "gmail.com googlemail.com"),
        ("Outlook", "https://outlook.live.com/mail/",
            "outlook.com outlook.de outlook.fr outlook.es hotmail.com hotmail.de hotmail.fr hotmail.es hotmail.co.uk live.com live.de "
                + "live.fr msn.com"),
        ("Yahoo Mail", "https://mail.yahoo.com/", "yahoo.com yahoo.de yahoo.fr yahoo.es yahoo.co.uk"),
        ("iCloud Mail", "https://www.icloud.com/mail", "icloud.com me.com mac.com"),
        ("Proton Mail", "https://mail.proton.me/", "proton.me protonmail.com pm.me"),
        ("GMX", "https://www.gmx.net/", "gmx.de gmx.net gmx.at gmx.ch"),
        ("WEB.DE", "https://web.de/", "web.de"),
        ("Tuta", "https://app.tuta.com/", "tuta.com tuta.io tutanota.com tutanota.de"),
        ("Fastmail", "https://app.fastmail.com/", "fastmail.com"),
        ("AOL Mail", "https://mail.aol.com/", "aol.com"),
        ("Zoho Mail", "https://mail.zoho.com/", "zoho.com"),
        ("HEY", "https://app.hey.com/", "hey.com"),
        ("QQ Mail", "https://mail.qq.com/", "qq.com"),
        ("163 Mail", "https://mail.163.com/", "163.com"),
        ("126 Mail", "https://mail.126.com/", "126.com"),
    ];

    private static readonly FrozenDictionary<string, MailSite> s_sites = s_providers
        .SelectMany(provider => provider.Domains.Split(' ').Select(domain => (
            Domain: domain, Site: new MailSite(provider.Name, provider.Url))))
        .ToFrozenDictionary(entry => entry.Domain, entry => entry.Site, StringComparer.OrdinalIgnoreCase);

    /// <summary>Returns the website for an address, or null if its domain is not one of a known provider.</summary>
    public static MailSite? Find(string address) => s_sites.GetValueOrDefault(address[(address.LastIndexOf('@') + 1)..]);
}
