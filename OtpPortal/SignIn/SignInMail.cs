using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Sessions;

namespace OtpPortal.SignIn;

/// <summary>Composes the messages of sign-ins in the user's language.</summary>
public sealed class SignInMail(MessageTemplates templates, PortalSettings portal, IStringLocalizer<Texts> texts)
{
    /// <summary>
    /// Composes the code's SMS. Its last line names this site, so that browsers autofill the code only here (WebOTP, "SMS
    /// one-time code format").
    /// </summary>
    public Message ComposeSms(string number, string code, TimeSpan lifetime) => Fill("sign-in-sms", number, code, link: null, lifetime);

    /// <param name="link">The secret of the link beside the code; null for no link.</param>
    public Message Compose(string email, string code, string? link, TimeSpan lifetime) => Fill("sign-in", email, code, link, lifetime);

    /// <summary>Composes the notice of a sign-in with a kind of browser that the user has not used before.</summary>
    public Message ComposeNewDevice(string email, ClientInfo client, DateTimeOffset time)
    {
        var language = CultureInfo.CurrentUICulture.TwoLetterISOLanguageName;
        return templates.Fill("new-device", language, email,
            new Dictionary<string, object?>(MessageTemplates.FrameOf(portal, language), StringComparer.Ordinal)
            {
                ["device"] = DeviceName.Of(client.UserAgent, texts),
                ["ip"] = client.Ip,
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
                // Always present, because a custom template that uses a missing name would fail.
                ["link_url"] = link is null ? "" : $"{portal.Origin}{SignInEndpoints.LinkPath}?token={link}",
                ["duration"] = DurationTexts.Lifetime(texts, lifetime),
                ["host"] = portal.PublicUrl.IdnHost,
            });
    }
}
