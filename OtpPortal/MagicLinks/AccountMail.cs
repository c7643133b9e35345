using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>Writes the mails of service accounts: their words, and ours around them in the language of the request.</summary>
public sealed class AccountMail(MessageTemplates templates, PortalSettings portal, IStringLocalizer<Texts> texts)
{
    public Message Compose(MailWish wish, AccountCode code) => Fill("api-code", wish, code, link: "", linkLifetime: TimeSpan.Zero);

    /// <summary>With the code too, when there is one: whoever cannot open a link can type it.</summary>
    public Message Compose(MailWish wish, string link, TimeSpan lifetime, AccountCode? code) =>
        Fill("api-link", wish, code, link, lifetime);

    private Message Fill(string name, MailWish wish, AccountCode? code, string link, TimeSpan linkLifetime)
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
                // The frame speaks of the service, not of the portal, and shows its logo, not ours.
                ["app_name"] = wish.ServiceName,
                ["logo_url"] = "",
            });
        return message with { Code = code?.Code, ToName = wish.ToName };
    }
}
