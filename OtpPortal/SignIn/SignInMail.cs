using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Delivery;
using OtpPortal.Language;
using OtpPortal.Web;

namespace OtpPortal.SignIn;

/// <summary>Writes the mail that carries a code, in the visitor's language.</summary>
public sealed class SignInMail(MessageTemplates templates, PortalSettings portal, IStringLocalizer<Texts> texts)
{
    public Message Compose(string email, string code, TimeSpan lifetime)
    {
        var language = CultureInfo.CurrentUICulture.TwoLetterISOLanguageName;
        return templates.Fill("sign-in", language, email, new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["app_name"] = portal.AppName,
            ["code"] = code,
            ["duration"] = DurationTexts.Lifetime(texts, lifetime),
            ["logo_url"] = portal.LogoUrl?.ToString() ?? "",
            ["accent"] = portal.AccentColor ?? "#4340d2",
            ["portal_url"] = portal.Origin,
            ["language"] = language,
        });
    }
}
