using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery.Kaleyra;

/// <summary>SMS through Kaleyra, and WhatsApp if a template is registered.</summary>
internal sealed class KaleyraKind : IProviderKind
{
    // WhatsApp's limit for the code in an authentication template.
    private const int MaxWhatsAppCode = 15;

    public IReadOnlyList<string> Names => [KaleyraSms.ProviderName, KaleyraWhatsApp.ProviderName];

    public IReadOnlyList<ProviderSetup> Read(SettingsReader reader)
    {
        if (reader.Get<Optional<KaleyraSettings>>().Value is not { } settings) return [];
        var sms = new ProviderSetup(KaleyraSms.ProviderName, TakesSms: true, services => BuildSms(settings, services));
        var whatsApp = new ProviderSetup(KaleyraWhatsApp.ProviderName, TakesSms: false, services => BuildWhatsApp(settings, services));
        return settings.TemplateName is null ? [sms] : [sms, whatsApp];
    }

    private static Provider BuildSms(KaleyraSettings settings, IServiceProvider services) =>
        Provider.ForSms(new KaleyraSms(services.GetRequiredService<ProviderHttp>(), settings), settings.Terms, settings.Numbers);

    private static Provider BuildWhatsApp(KaleyraSettings settings, IServiceProvider services) => new()
    {
        Sender = new KaleyraWhatsApp(services.GetRequiredService<ProviderHttp>(), settings),
        Channel = Channel.WhatsApp,
        ChannelName = "WhatsApp",
        AddressName = "Phone number",
        MaxAddressLength = PhoneNumber.MaxTyped,
        MaxCodeLength = MaxWhatsAppCode,
        Terms = settings.Terms,
        Normalize = settings.Numbers.Normalize,
        Countries = settings.Numbers.Countries,
    };
}
