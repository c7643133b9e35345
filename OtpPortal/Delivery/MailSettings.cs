using System.Text.RegularExpressions;
using OtpPortal.Configuration;
using OtpPortal.Delivery.Mailbox;
using OtpPortal.Http;

namespace OtpPortal.Delivery;

/// <summary>Settings of outgoing mail.</summary>
/// <param name="Transport">MAIL_TRANSPORT: the name of a mail provider, or <c>mailbox</c>.</param>
/// <param name="Fallback">MAIL_FALLBACK: the mail provider to use if the transport fails; null for none.</param>
/// <param name="From">MAIL_FROM, or otp@DOMAIN_NAME.</param>
/// <param name="FromName">The sender's name: APP_NAME.</param>
/// <param name="ShowMailbox">Whether the mailbox page exists: in Development, or if the mailbox is the transport.</param>
public sealed partial record MailSettings(string Transport, string? Fallback, string From, string FromName, bool ShowMailbox)
    : ISettings<MailSettings>
{
    private const string Mailbox = MailboxProvider.ProviderName;

    public static MailSettings Read(SettingsReader reader)
    {
        var portal = reader.Get<PortalSettings>();
        // Of several configured transports, the last one listed is used.
        var kinds = DeliveryServices.Kinds.OfType<IMailKind>().Reverse().ToDictionary(kind => kind.Names[0], StringComparer.Ordinal);
        var ready = kinds.Where(kind => kind.Value.Read(reader).Count > 0).Select(kind => kind.Key).ToList();

        var named = reader.OneOf("MAIL_TRANSPORT", [.. kinds.Keys, Mailbox]);
        var transport = named ?? ready.FirstOrDefault(Mailbox);
        if (reader.IsProduction && transport == Mailbox && named is null)
        {
            // In Production the mailbox must be enabled explicitly, because it shows all users' codes.
            var required = string.Join(" or ", kinds.Values.Select(kind => kind.RequiredSetting));
            reader.AddError(
                $"MAIL_TRANSPORT is missing. In Production, set {required}, or MAIL_TRANSPORT=mailbox to show all messages to everyone.");
        }
        var fallback = reader.OneOf("MAIL_FALLBACK", [.. kinds.Keys]);
        EnsureReady("MAIL_TRANSPORT", transport);
        if (fallback is not null && fallback == transport)
        {
            reader.AddError("MAIL_FALLBACK", fallback, "a different transport than MAIL_TRANSPORT");
        }
        else EnsureReady("MAIL_FALLBACK", fallback);

        var host = portal.PublicUrl.HostNameType == UriHostNameType.Dns ? portal.PublicUrl.IdnHost : "localhost";
        var domain = reader.Text("DOMAIN_NAME", host);
        if (!Domain().IsMatch(domain)) reader.AddError("DOMAIN_NAME", domain, "a domain name such as example.com");
        var from = reader.Text("MAIL_FROM");
        if (from is not null && !Address().IsMatch(from)) reader.AddError("MAIL_FROM", from, "an address such as otp@example.com");
        return new MailSettings(transport, fallback, from ?? $"otp@{domain}", portal.AppName, !portal.IsProduction || transport == Mailbox);

        void EnsureReady(string setting, string? name)
        {
            if (name is null or Mailbox || ready.Contains(name, StringComparer.Ordinal)) return;
            reader.AddError($"{kinds[name].RequiredSetting} is missing. {setting}={name} requires it.");
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex Domain();

    [GeneratedRegex(@"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex Address();
}
