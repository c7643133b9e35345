using OtpPortal.Delivery;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>The route of a code.</summary>
/// <param name="Asked">The requested channel, which pages show.</param>
/// <param name="Used">The channel that the message actually uses.</param>
/// <param name="To">An email address, or a phone number in E.164 format.</param>
/// <param name="IsReal">False for an address that may not sign in: nothing is sent.</param>
public sealed record CodeRoute(CodeChannel Asked, CodeChannel Used, string To, bool IsReal);

/// <summary>Decides which recipient gets a code, and over which channel.</summary>
public sealed class RecipientResolver(SignInSettings settings, Providers providers)
{
    public CodeRoute Resolve(CodeRecord record)
    {
        var payload = SignInPayload.Of(record);
        return Resolve(payload.Email, payload.Channel);
    }

    /// <summary>
    /// Resolves an address. Pages depend only on the requested channel; only the recipient learns the actual one.
    /// </summary>
    public CodeRoute Resolve(string email, CodeChannel? channel)
    {
        var asked = !settings.OffersSms || providers.Sms is null ? CodeChannel.Email : channel ?? CodeChannel.Sms;
        if (settings.Directory is not { } directory) return new CodeRoute(asked, CodeChannel.Email, email, settings.Allows(email));
        var used = directory.Find(email, asked, out var to);
        // Without a route nothing is sent, but the message is composed for the requested channel, so the response takes as
        // long.
        return new CodeRoute(asked, used ?? asked, to, used is not null && to != UserDirectory.ReservedNumber && settings.Allows(email));
    }
}
