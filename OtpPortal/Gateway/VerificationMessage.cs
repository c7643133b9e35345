using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;

namespace OtpPortal.Gateway;

/// <summary>Composes the message with a verification's code, in the language of the request.</summary>
public sealed class VerificationMessage(MessageTemplates templates, IStringLocalizer<Texts> texts, PortalSettings portal, TimeProvider time)
{
    public Message Compose(Verification verification, Provider provider, string code)
    {
        var language = CultureInfo.CurrentUICulture.TwoLetterISOLanguageName;
        var url = GatewayJson.UrlOf(verification, portal);
        // Whole seconds, rounded up: some of five minutes has already passed, but they must not show as four.
        var left = GatewayJson.SecondsLeft(verification, time);
        // Opening the link only fills in the code, because mail scanners open links.
        var message = templates.Fill(
            IsSms(provider, verification) ? "gateway-sms" : "gateway-code", language, verification.To,
            new Dictionary<string, object?>(MessageTemplates.FrameOf(portal, language), StringComparer.Ordinal)
            {
                ["namespace"] = verification.Namespace,
                ["channel"] = provider.ChannelName,
                ["to"] = verification.To,
                ["code"] = code,
                ["url"] = url + "?otp=" + Uri.EscapeDataString(code),
                ["duration"] = DurationTexts.Lifetime(texts, TimeSpan.FromSeconds(left)),
                ["host"] = portal.PublicUrl.IdnHost,
            }, provider.Name);
        return message with
        {
            Code = code,
            Otp = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["namespace"] = verification.Namespace,
                ["id"] = verification.Id,
                ["to"] = verification.To,
                ["channel_description"] = verification.ChannelDescription,
                ["address_description"] = verification.AddressDescription,
                ["extra"] = verification.Extra,
                ["provider"] = verification.Provider,
                ["otp"] = code,
                ["max_attempts"] = verification.MaxAttempts,
                ["attempts"] = verification.Attempts,
                ["generate"] = verification.Generate,
                ["max_generate"] = verification.MaxGenerate,
                ["closed"] = verification.Closed,
                ["ttl"] = left,
            },
        };
    }

    // The mailbox shows the text of an SMS for a phone number.
    private static bool IsSms(Provider provider, Verification verification) =>
        provider.Channel == Channel.Sms || (provider.Channel == Channel.Mailbox && verification.To.StartsWith('+'));
}
