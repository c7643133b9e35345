using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery.Mailbox;

/// <summary>The page that shows messages instead of sending them. It can replace any kind of provider.</summary>
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
            Terms = new ProviderTerms(TimeSpan.FromSeconds(10), 100),
            Normalize = address => EmailAddress.Normalize(address) ?? NumberTerms.Of(sms).Normalize(address),
            // In SMS_PROVIDERS it has the limits for SMS.
            Countries = sms.Order.Contains(MailboxProvider.ProviderName, StringComparer.Ordinal) ? sms.Countries : null,
        };
    }
}
