using OtpPortal.Delivery;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>The way of a code.</summary>
/// <param name="Asked">What the pages show.</param>
/// <param name="Used">What the message really takes.</param>
/// <param name="To">An address, or a number in E.164.</param>
/// <param name="IsReal">False for an address that may not sign in: nothing is sent.</param>
public sealed record CodeRoute(CodeChannel Asked, CodeChannel Used, string To, bool IsReal);

/// <summary>Decides who receives a code, and how.</summary>
public sealed class RecipientResolver(SignInSettings settings, Providers providers)
{
    public CodeRoute Resolve(CodeRecord record)
    {
        var payload = SignInPayload.Of(record);
        return Resolve(payload.Email, payload.Channel);
    }

    /// <summary>Resolves an address. The pages follow from what was asked for; only the recipient learns what it came to.</summary>
    public CodeRoute Resolve(string email, CodeChannel? channel)
    {
        var asked = !settings.OffersSms || providers.Sms is null ? CodeChannel.Email : channel ?? CodeChannel.Sms;
        if (settings.Directory is not { } directory) return new CodeRoute(asked, CodeChannel.Email, email, settings.Allows(email));
        var used = directory.Find(email, asked, out var to);
        // Without a route nothing is sent, but the message is composed for the requested channel, so that the answer takes as long.
        return new CodeRoute(asked, used ?? asked, to, used is not null && to != UserDirectory.ReservedNumber && settings.Allows(email));
    }
}
