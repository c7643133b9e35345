namespace OtpPortal.Delivery;

/// <summary>The kind of way that a message takes.</summary>
public enum Channel
{
    Email,
    Sms,
    WhatsApp,
    Webhook,
    Mailbox,
}

/// <summary>One way to reach people, as settings switched it on. It describes itself, so that nobody asks for its name to know what it can do.</summary>
public sealed class Provider
{
    public required IMessageProvider Sender { get; init; }

    public required Channel Channel { get; init; }

    /// <summary>What users know the way by, such as "SMS".</summary>
    public required string ChannelName { get; init; }

    /// <summary>What an address is called, such as "Phone number".</summary>
    public required string AddressName { get; init; }

    /// <summary>Characters of an address.</summary>
    public required int MaxAddressLength { get; init; }

    /// <summary>Characters of a code.</summary>
    public required int MaxCodeLength { get; init; }

    /// <summary>How long it may take, and how much of it at once.</summary>
    public required ProviderTerms Terms { get; init; }

    /// <summary>Gives an address the one form that it is kept, compared and counted in; null when it is none.</summary>
    public required Func<string, string?> Normalize { get; init; }

    /// <summary>ISO codes of the countries whose numbers it writes to, within SMS_DAILY_CAP and the other limits; null when it sends no SMS.</summary>
    public IReadOnlyList<string>? Countries { get; init; }

    public string Name => Sender.Name;

    /// <summary>False when the text is no address that this provider could reach.</summary>
    public bool TryNormalize(string address, out string normalized)
    {
        var found = address.Length <= MaxAddressLength ? Normalize(address) : null;
        normalized = found ?? "";
        return found is not null && found.Length <= MaxAddressLength;
    }
}
