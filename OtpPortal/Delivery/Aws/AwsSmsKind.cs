using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Aws;

/// <summary>SMS through AWS End User Messaging.</summary>
internal sealed class AwsSmsKind : IProviderKind
{
    public IReadOnlyList<string> Names => [AwsSmsProvider.ProviderName];

    public IReadOnlyList<ProviderSetup> Read(SettingsReader reader) =>
        reader.Get<Optional<AwsSmsSettings>>().Value is { } settings
            ? [new(AwsSmsProvider.ProviderName, TakesSms: true, services => Build(settings, services))]
            : [];

    private static Provider Build(AwsSmsSettings settings, IServiceProvider services) => Provider.ForSms(
        new AwsSmsProvider(services.GetRequiredService<ProviderHttp>(), settings, services.GetRequiredService<TimeProvider>()),
        settings.Terms,
        settings.Numbers);
}
