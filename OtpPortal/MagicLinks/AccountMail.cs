using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>
/// Composes the emails of service accounts: their text within the portal's template, in the language of the request.
/// </summary>
public sealed class AccountMail(MessageTemplates templates, PortalSettings portal, IStringLocalizer<Texts> texts)
{
    public Message Compose(MailRequest wish, AccountCode code) => Fill("api-code", wish, code, link: "", linkLifetime: TimeSpan.Zero);

    /// <summary>Composes an email with a link, and optionally a code for users who cannot open the link.</summary>
    public Message Compose(MailRequest wish, string link, TimeSpan lifetime, AccountCode? code) =>
        Fill("api-link", wish, code, link, lifetime);

    private Message Fill(string name, MailRequest wish, AccountCode? code, string link, TimeSpan linkLifetime)
    {
        var language = CultureInfo.CurrentUICulture.TwoLetterISOLanguageName;
        var message = templates.Fill(
            name, language, wish.To, new Dictionary<string, object?>(MessageTemplates.FrameOf(portal, language), StringComparer.Ordinal)
            {
                ["service_name"] = wish.ServiceName,
                ["subject"] = wish.Subject,
                ["title"] = wish.Title,
                ["greeting"] = wish.Greeting,
                ["sub_title"] = wish.SubTitle,
                ["button_text"] = wish.ButtonText,
                ["logo_image_url"] = wish.LogoImageUrl,
                ["logo_click_url"] = wish.LogoClickUrl,
                ["code"] = code?.Code ?? "",
                ["code_duration"] = code is null ? "" : DurationTexts.Lifetime(texts, code.Lifetime),
                ["link"] = link,
                ["duration"] = DurationTexts.Lifetime(texts, linkLifetime),
                // The template shows the service's name and logo, not the portal's.
                ["app_name"] = wish.ServiceName,
                ["logo_url"] = "",
            });
        return message with { Code = code?.Code, ToName = wish.ToName };
    }
}
