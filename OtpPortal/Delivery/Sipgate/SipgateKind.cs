using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Sipgate;

/// <summary>SMS through sipgate.</summary>
internal sealed class SipgateKind : IProviderKind
{
    public IReadOnlyList<string> Names => [SipgateProvider.ProviderName];

    public IReadOnlyList<ProviderSetup> Read(SettingsReader reader) =>
        reader.Get<Optional<SipgateSettings>>().Value is { } settings
            ? [new(SipgateProvider.ProviderName, TakesSms: true, services => Build(settings, services.GetRequiredService<ProviderHttp>()))]
            : [];

    private static Provider Build(SipgateSettings settings, ProviderHttp http) =>
        Provider.ForSms(new SipgateProvider(http, settings), settings.Terms, settings.Numbers);
}
