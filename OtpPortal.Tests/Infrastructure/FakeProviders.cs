using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;
using OtpPortal.Limits;
using OtpPortal.Storage;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Creates providers from fake senders.</summary>
internal static class FakeProviders
{
    /// <summary>Creates a provider list with a single email provider as the transport.</summary>
    public static Providers Only(IMessageProvider sender, int connections = 100)
    {
        var provider = Mail(sender, connections);
        return new Providers([provider], [provider], []);
    }

    public static Provider Mail(IMessageProvider sender, int connections = 100) => new()
    {
        Sender = sender,
        Channel = Channel.Email,
        ChannelName = "E-mail",
        AddressName = "E-mail",
        MaxAddressLength = 254,
        MaxCodeLength = 24,
        Terms = new ProviderLimits(TimeSpan.FromSeconds(15), connections),
        Normalize = address => address,
    };

    public static SmsSettings ReadSms(params (string Name, string Value)[] settings)
    {
        var reader = AllSettings.Reader(settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal));
        var read = SmsSettings.Read(reader);
        reader.Errors.ShouldBeEmpty();
        return read;
    }

    public static SmsGuard Guard(Stores stores, TimeProvider clock, CapturedLog log, SmsSettings settings)
    {
        var statistics = new Statistics(stores, clock, log.For<Statistics>());
        return new SmsGuard(
            settings, stores, new RateLimiter(stores, clock), statistics, new AuditLog(stores, [], clock, log.For<AuditLog>()), clock,
            log.For<SmsGuard>());
    }

    public static Dispatcher Dispatcher(Providers providers, Stores stores, TimeProvider clock, CapturedLog log, SmsSettings? sms = null) =>
        new(
            providers, Guard(stores, clock, log, sms ?? ReadSms()), new Statistics(stores, clock, log.For<Statistics>()), clock,
            log.For<Dispatcher>());
}
