using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Postmark;

/// <summary>Mail through Postmark.</summary>
internal sealed class PostmarkKind : IMailKind
{
    public IReadOnlyList<string> Names => [PostmarkProvider.ProviderName];

    public string RequiredSetting => "POSTMARK_SERVER_TOKEN";

    public IReadOnlyList<ProviderSetup> Read(SettingsReader reader) =>
        reader.Get<Optional<PostmarkSettings>>().Value is { } settings
            ? [new(PostmarkProvider.ProviderName, TakesSms: false, services => Build(settings, services))]
            : [];

    private static Provider Build(PostmarkSettings settings, IServiceProvider services) => Provider.ForMail(
        new PostmarkProvider(services.GetRequiredService<ProviderHttp>().Client, settings, services.GetRequiredService<MailSettings>()),
        settings.Terms,
        _ => settings.ApiUrl.ToString());
}
