using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.SignIn;
using OtpPortal.Storage;

namespace OtpPortal.Admin;

/// <summary>Reports the settings that a portal for real users still needs.</summary>
public sealed class ProductionCheck(
    PortalSettings portal, AuthSecret secret, Providers providers, MailSettings mail, SignInSettings signIn, StorageSettings storage,
    AdminSettings admin, IStringLocalizer<Texts> texts)
{
    // As long as the key that getting started generates.
    private const int LongSecret = 32;

    // Domains for which no mail server accepts a sender (RFC 2606, RFC 6762).
    private static readonly string[] s_reserved =
        ["localhost", "example", "example.com", "example.net", "example.org", "invalid", "local", "test"];

    /// <summary>Returns what is missing, the most important first.</summary>
    public IReadOnlyList<Finding> Check()
    {
        var sender = mail.From[(mail.From.LastIndexOf('@') + 1)..];
        Finding?[] findings =
        [
            portal.IsHttps ? null : Problem("PUBLIC_URL", portal.Origin, "ProductionHttps"),
            portal.IsProduction ? null : Problem("ASPNETCORE_ENVIRONMENT", "Development", "ProductionEnvironment"),
            providers.Mail.Channel == Channel.Mailbox ? Problem("MAIL_TRANSPORT", providers.Mail.Name, "ProductionMail") : null,
            IsReserved(sender) ? Problem("MAIL_FROM", mail.From, "ProductionSender") : null,
            portal.IsHttps && portal.TrustedProxies.Count == 0 ? Problem("TRUSTED_PROXIES", "–", "ProductionProxy") : null,
            secret.Length < LongSecret ? Note("AUTH_SECRET_KEY", "•••", "ProductionSecret", LongSecret) : null,
            signIn is { AllowedEmails.Count: 0, Directory: null } ? Note("ALLOWED_EMAILS", "*", "ProductionAnyone") : null,
            admin.Emails.Count == 0 ? Note("ADMIN_EMAILS", "–", "ProductionAdmins") : null,
            storage.Otp is null || storage.Auth is null
                ? Note("REDIS_URL_OTP, REDIS_URL_AUTH", texts["CheckStoreEmbedded"], "ProductionStore") : null,
        ];
        return [.. findings.OfType<Finding>()];
    }

    private static bool IsReserved(string domain) =>
        !domain.Contains('.', StringComparison.Ordinal)
        || s_reserved.Any(reserved => domain.Equals(reserved, StringComparison.OrdinalIgnoreCase)
            || domain.EndsWith("." + reserved, StringComparison.OrdinalIgnoreCase));

    private Finding Problem(string setting, string value, string advice) => new(setting, value, FindingState.Problem, texts[advice]);

    private Finding Note(string setting, string value, string advice, params object[] arguments) =>
        new(setting, value, FindingState.Note, texts[advice, arguments]);
}
