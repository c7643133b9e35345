using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery.Mailbox;

/// <summary>The page that shows messages instead of sending them. It can replace any provider.</summary>
internal sealed class MailboxKind : IProviderKind
{
    public IReadOnlyList<string> Names => [MailboxProvider.ProviderName];

    public IReadOnlyList<ProviderSetup> Read(SettingsReader reader) =>
        reader.Get<MailSettings>().ShowMailbox ? [new(MailboxProvider.ProviderName, TakesSms: true, Build)] : [];

    private static Provider Build(IServiceProvider services)
    {
        var sms = services.GetRequiredService<SmsSettings>();
        return new Provider
        {
            Sender = services.GetRequiredService<MailboxProvider>(),
            Channel = Channel.Mailbox,
            ChannelName = "Mailbox",
            AddressName = "Email or phone number",
            MaxAddressLength = EmailAddress.MaxLength,
            MaxCodeLength = 100,
            Terms = new ProviderLimits(TimeSpan.FromSeconds(10), 100),
            Normalize = address => EmailAddress.Normalize(address) ?? NumberRules.Of(sms).Normalize(address),
            // If SMS_PROVIDERS names it, the SMS limits apply.
            Countries = sms.Order.Contains(MailboxProvider.ProviderName, StringComparer.Ordinal) ? sms.Countries : null,
        };
    }
}
