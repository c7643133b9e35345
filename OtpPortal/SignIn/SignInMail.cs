using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Sessions;

namespace OtpPortal.SignIn;

/// <summary>Writes the mail that carries a code, in the visitor's language.</summary>
public sealed class SignInMail(MessageTemplates templates, PortalSettings portal, IStringLocalizer<Texts> texts)
{
    /// <summary>
    /// The same by SMS: its last line names this site, so that a browser fills the code in here and nowhere else (WebOTP, "SMS one-time
    /// code format").
    /// </summary>
    public Message ComposeSms(string number, string code, TimeSpan lifetime) => Fill("sign-in-sms", number, code, link: null, lifetime);

    /// <param name="link">The secret of a link that stands beside the code; null for none.</param>
    public Message Compose(string email, string code, string? link, TimeSpan lifetime) => Fill("sign-in", email, code, link, lifetime);

    /// <summary>Tells a user of a sign-in with a kind of browser that they have not used before.</summary>
    public Message ComposeNewDevice(string email, Visitor visitor, DateTimeOffset time)
    {
        var language = CultureInfo.CurrentUICulture.TwoLetterISOLanguageName;
        return templates.Fill("new-device", language, email,
            new Dictionary<string, object?>(MessageTemplates.FrameOf(portal, language), StringComparer.Ordinal)
            {
                ["device"] = DeviceName.Of(visitor.UserAgent, texts),
                ["ip"] = visitor.Ip,
                ["time"] = time.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
            });
    }

    private Message Fill(string name, string to, string code, string? link, TimeSpan lifetime)
    {
        var language = CultureInfo.CurrentUICulture.TwoLetterISOLanguageName;
        return templates.Fill(
            name, language, to, new Dictionary<string, object?>(MessageTemplates.FrameOf(portal, language), StringComparer.Ordinal)
            {
                ["code"] = code,
                // Always there, because a name without a value would stop a template of the operator's own.
                ["link_url"] = link is null ? "" : $"{portal.Origin}{SignInEndpoints.LinkPath}?token={link}",
                ["duration"] = DurationTexts.Lifetime(texts, lifetime),
                ["host"] = portal.PublicUrl.IdnHost,
            });
    }
}
