using System.Globalization;
using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Smtp;

/// <summary>Mail through an SMTP server.</summary>
internal sealed class SmtpKind : IMailKind
{
    public IReadOnlyList<string> Names => [SmtpProvider.ProviderName];

    public string RequiredSetting => "SMTP_HOST";

    public IReadOnlyList<ProviderSetup> Read(SettingsReader reader) =>
        reader.Get<Optional<SmtpSettings>>().Value is { } settings
            ? [new(SmtpProvider.ProviderName, TakesSms: false, services => Build(settings, services.GetRequiredService<MailSettings>()))]
            : [];

    private static Provider Build(SmtpSettings settings, MailSettings mail) => Provider.ForMail(
        new SmtpProvider(settings, mail),
        settings.Terms,
        texts =>
        {
            var security = settings.StartTls ? "STARTTLS" : texts["CheckMailPlain"].Value;
            return string.Create(CultureInfo.InvariantCulture, $"{settings.Host}:{settings.Port}, {security}");
        });
}
