using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>The channels of messages.</summary>
public enum Channel
{
    Email,
    Sms,
    WhatsApp,
    Webhook,
    Mailbox,
}

/// <summary>A configured provider, with all its properties that other modules need.</summary>
public sealed class Provider
{
    public required IMessageProvider Sender { get; init; }

    public required Channel Channel { get; init; }

    /// <summary>Gets the display name of the channel, such as "SMS".</summary>
    public required string ChannelName { get; init; }

    /// <summary>Gets the display name of an address, such as "Phone number".</summary>
    public required string AddressName { get; init; }

    /// <summary>Gets the maximum length of an address, in characters.</summary>
    public required int MaxAddressLength { get; init; }

    /// <summary>Gets the maximum length of a code, in characters.</summary>
    public required int MaxCodeLength { get; init; }

    /// <summary>Gets the provider's timeout and maximum number of connections.</summary>
    public required ProviderLimits Terms { get; init; }

    /// <summary>
    /// Gets the function that normalizes an address for storage, comparison and counting. It returns null for an invalid
    /// address.
    /// </summary>
    public required Func<string, string?> Normalize { get; init; }

    /// <summary>
    /// Gets the ISO codes of the countries it sends to, within SMS_DAILY_CAP and the other limits; null if it does not send
    /// SMS.
    /// </summary>
    public IReadOnlyList<string>? Countries { get; init; }

    /// <summary>Gets the function that describes its server for administrators; null if there is no server.</summary>
    public Func<IStringLocalizer<Texts>, string>? DescribeServer { get; init; }

    public string Name => Sender.Name;

    /// <summary>Normalizes an address. Returns false if this provider cannot send to it.</summary>
    public bool TryNormalize(string address, out string normalized)
    {
        var found = address.Length <= MaxAddressLength ? Normalize(address) : null;
        normalized = found ?? "";
        return found is not null && found.Length <= MaxAddressLength;
    }

    internal static Provider ForMail(
        IMessageProvider sender, ProviderLimits terms, Func<IStringLocalizer<Texts>, string> describeServer) => new()
        {
            Sender = sender,
            Channel = Channel.Email,
            ChannelName = "E-mail",
            AddressName = "E-mail",
            MaxAddressLength = EmailAddress.MaxLength,
            MaxCodeLength = 100,
            Terms = terms,
            Normalize = EmailAddress.Normalize,
            DescribeServer = describeServer,
        };

    internal static Provider ForSms(IMessageProvider sender, ProviderLimits terms, NumberRules numbers) => new()
    {
        Sender = sender,
        Channel = Channel.Sms,
        ChannelName = "SMS",
        AddressName = "Phone number",
        MaxAddressLength = PhoneNumber.MaxTyped,
        MaxCodeLength = 32,
        Terms = terms,
        Normalize = numbers.Normalize,
        Countries = numbers.Countries,
    };
}
