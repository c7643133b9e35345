using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Delivery;
using OtpPortal.Language;
using OtpPortal.Web;

namespace OtpPortal.SignIn;

/// <summary>Writes the mail that carries a code, in the visitor's language.</summary>
public sealed class SignInMail(MessageTemplates templates, PortalSettings portal, IStringLocalizer<Texts> texts)
{
    /// <summary>The same by SMS: its last line names this site, so that a browser fills the code in here and nowhere else (WebOTP, "SMS one-time code format").</summary>
    public Message ComposeSms(string number, string code, TimeSpan lifetime) => Fill("sign-in-sms", number, code, lifetime);

    public Message Compose(string email, string code, TimeSpan lifetime) => Fill("sign-in", email, code, lifetime);

    private Message Fill(string name, string to, string code, TimeSpan lifetime)
    {
        var language = CultureInfo.CurrentUICulture.TwoLetterISOLanguageName;
        return templates.Fill(name, language, to, new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["app_name"] = portal.AppName,
            ["code"] = code,
            ["duration"] = DurationTexts.Lifetime(texts, lifetime),
            ["logo_url"] = portal.LogoUrl?.ToString() ?? "",
            ["accent"] = portal.AccentColor ?? "#4340d2",
            ["portal_url"] = portal.Origin,
            ["host"] = portal.PublicUrl.IdnHost,
            ["language"] = language,
        });
    }
}
