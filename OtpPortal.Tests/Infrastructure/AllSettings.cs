using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using OtpPortal.Admin;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Aws;
using OtpPortal.Delivery.Kaleyra;
using OtpPortal.Delivery.Postmark;
using OtpPortal.Delivery.Sipgate;
using OtpPortal.Delivery.Sms;
using OtpPortal.Delivery.Smtp;
using OtpPortal.Gateway;
using OtpPortal.Http;
using OtpPortal.JOtp;
using OtpPortal.Jwt;
using OtpPortal.Limits;
using OtpPortal.Limits.Captcha;
using OtpPortal.MagicLinks;
using OtpPortal.OneTimeCodes;
using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.SignIn;
using OtpPortal.Storage;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Reads the settings of all features without starting a portal.</summary>
public sealed class AllSettings
{
    private readonly WebApplicationBuilder _builder;

    private AllSettings(WebApplicationBuilder builder) => _builder = builder;

    public PortalSettings Portal => Get<PortalSettings>();

    public string DataDir => Get<DataSettings>().DataDir;

    public AuthSecret Secret => Get<DataSettings>().Secret;

    public StorageSettings Storage => Get<StorageSettings>();

    public CodeSettings Codes => Get<CodeSettings>();

    public SignInSettings SignIn => Get<SignInSettings>();

    public TokenSettings Tokens => Get<TokenSettings>();

    public MailSettings Mail => Get<MailSettings>();

    public SmsSettings Sms => Get<SmsSettings>();

    /// <summary>Gets the names of the configured providers.</summary>
    public IReadOnlyList<string> Providers => [.. Get<ProviderSettings>().All.Select(provider => provider.Name)];

    public SmtpSettings? Smtp => _builder.GetSettings<Optional<SmtpSettings>>().Value;

    public PostmarkSettings? Postmark => _builder.GetSettings<Optional<PostmarkSettings>>().Value;

    public SipgateSettings? Sipgate => _builder.GetSettings<Optional<SipgateSettings>>().Value;

    public KaleyraSettings? Kaleyra => _builder.GetSettings<Optional<KaleyraSettings>>().Value;

    public AwsSmsSettings? Aws => _builder.GetSettings<Optional<AwsSmsSettings>>().Value;

    public LimitSettings Limits => Get<LimitSettings>();

    public CaptchaSettings Captcha => Get<CaptchaSettings>();

    public AdminSettings Admin => Get<AdminSettings>();

    public GatewaySettings Gateway => Get<GatewaySettings>();

    public JOtpSettings JOtp => Get<JOtpSettings>();

    public JwtSettings Jwt => Get<JwtSettings>();

    public MagicLinkSettings MagicLinks => Get<MagicLinkSettings>();

    public TelemetrySettings Telemetry => Get<TelemetrySettings>();

    /// <summary>Reads the settings of all features from the given values only.</summary>
    public static AllSettings Read(IReadOnlyDictionary<string, string> values, bool isProduction, string? rootDirectory = null)
    {
        var builder = Builder(values, isProduction, rootDirectory);
        PortalApp.AddFeatures(builder);
        return new AllSettings(builder);
    }

    /// <summary>Creates a reader for the given values only.</summary>
    internal static SettingsReader Reader(IReadOnlyDictionary<string, string> values, bool isProduction = false) =>
        new(new ConfigurationBuilder().AddInMemoryCollection(values!).Build(), isProduction, Path.GetTempPath());

    /// <summary>Creates a builder with the given values only, regardless of the environment of the tests.</summary>
    internal static WebApplicationBuilder Builder(
        IReadOnlyDictionary<string, string> values, bool isProduction, string? rootDirectory = null)
    {
        var builder = PortalSources.CreateBuilder(
            isProduction ? Environments.Production : Environments.Development, rootDirectory ?? Path.GetTempPath());
        builder.Configuration.AddInMemoryCollection(values!);
        return builder;
    }

    /// <summary>Returns the text of all settings records, for tests that search them for secrets.</summary>
    public override string ToString() => string.Join('\n',
    [
        .. _builder.Services.Select(service => service.ImplementationInstance)
            .Where(instance => instance?.GetType().Name.EndsWith("Settings", StringComparison.Ordinal) == true),
        Smtp, Postmark, Sipgate, Kaleyra, Aws,
    ]);

    private T Get<T>() => (T)_builder.Services.Last(service => service.ServiceType == typeof(T)).ImplementationInstance!;
}
