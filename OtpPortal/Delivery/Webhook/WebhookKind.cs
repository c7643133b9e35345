using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery.Webhook;

/// <summary>The operator's webhooks, each with its own name.</summary>
internal sealed class WebhookKind : IProviderKind
{
    public IReadOnlyList<string> Names => [];

    public IReadOnlyList<ProviderSetup> Read(SettingsReader reader) => [.. WebhookSettings.ReadAll(reader).Select(SetUp)];

    private static ProviderSetup SetUp(WebhookSettings settings) =>
        new(settings.Name, TakesSms: true, services => Build(settings, services));

    private static Provider Build(WebhookSettings settings, IServiceProvider services)
    {
        var sms = services.GetRequiredService<SmsSettings>();
        var sendsSms = sms.Order.Contains(settings.Name, StringComparer.Ordinal);
        return new Provider
        {
            Sender = new WebhookProvider(
                services.GetRequiredService<ProviderHttp>(), settings, sendsSms, services.GetRequiredService<ILogger<WebhookProvider>>()),
            Channel = Channel.Webhook,
            ChannelName = settings.ChannelName,
            AddressName = settings.AddressName,
            MaxAddressLength = settings.MaxAddressLength,
            MaxCodeLength = settings.MaxCodeLength,
            Terms = settings.Terms,
            // Only the webhook knows the format of its addresses. The SMS limits, however, require phone numbers.
            Normalize = sendsSms ? NumberRules.Of(sms).Normalize : NormalizeLine,
            Countries = sendsSms ? sms.Countries : null,
        };
    }

    private static string? NormalizeLine(string address) =>
        address.Trim() is { Length: > 0 } text && !text.Any(char.IsControl) ? text : null;
}
