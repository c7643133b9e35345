using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>How messages reach people.</summary>
public enum Channel
{
    Email,
    Sms,
    WhatsApp,
    Webhook,
    Mailbox,
}

/// <summary>A provider that is set up, with everything that the rest of the portal needs to know about it.</summary>
public sealed class Provider
{
    public required IMessageProvider Sender { get; init; }

    public required Channel Channel { get; init; }

    /// <summary>Gets the name of the channel that users see, such as "SMS".</summary>
    public required string ChannelName { get; init; }

    /// <summary>Gets what an address is called, such as "Phone number".</summary>
    public required string AddressName { get; init; }

    /// <summary>Gets the maximum length of an address, in characters.</summary>
    public required int MaxAddressLength { get; init; }

    /// <summary>Gets the maximum length of a code, in characters.</summary>
    public required int MaxCodeLength { get; init; }

    /// <summary>Gets how long it may take for a message, and how many it gets at once.</summary>
    public required ProviderTerms Terms { get; init; }

    /// <summary>Returns the form in which an address is stored, compared and counted, or null when it is not an address.</summary>
    public required Func<string, string?> Normalize { get; init; }

    /// <summary>
    /// Gets the ISO codes of the countries whose numbers it sends to, within SMS_DAILY_CAP and the other limits; null when it sends no SMS.
    /// </summary>
    public IReadOnlyList<string>? Countries { get; init; }

    /// <summary>Describes its server for administrators; null when there is nothing to tell.</summary>
    public Func<IStringLocalizer<Texts>, string>? DescribeServer { get; init; }

    public string Name => Sender.Name;

    /// <summary>Returns false when the text is no address that this provider can reach.</summary>
    public bool TryNormalize(string address, out string normalized)
    {
        var found = address.Length <= MaxAddressLength ? Normalize(address) : null;
        normalized = found ?? "";
        return found is not null && found.Length <= MaxAddressLength;
    }

    internal static Provider ForMail(
        IMessageProvider sender, ProviderTerms terms, Func<IStringLocalizer<Texts>, string> describeServer) => new()
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

    internal static Provider ForSms(IMessageProvider sender, ProviderTerms terms, NumberTerms numbers) => new()
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
