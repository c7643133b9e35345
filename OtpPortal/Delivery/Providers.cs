namespace OtpPortal.Delivery;

/// <summary>The configured providers.</summary>
public sealed class Providers
{
    private readonly IReadOnlyList<Provider> _mailOrder;
    private readonly IReadOnlyList<Provider> _smsOrder;

    /// <param name="all">In the order of <see cref="Names"/>.</param>
    /// <param name="mailOrder">The transport of the portal's own mail, then its fallback.</param>
    /// <param name="smsOrder">SMS_PROVIDERS.</param>
    public Providers(IReadOnlyList<Provider> all, IReadOnlyList<Provider> mailOrder, IReadOnlyList<Provider> smsOrder)
    {
        _mailOrder = mailOrder;
        _smsOrder = smsOrder;
        All = all;
        Names = [.. all.Select(provider => provider.Name)];
    }

    public IReadOnlyList<Provider> All { get; }

    /// <summary>Gets the names, in a fixed order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Gets the provider of the portal's own mail.</summary>
    public Provider Mail => _mailOrder[0];

    /// <summary>Gets the provider of sign-in codes by SMS; null if SMS_PROVIDERS is empty.</summary>
    public Provider? Sms => _smsOrder.Count > 0 ? _smsOrder[0] : null;

    /// <summary>Returns the provider with exactly this name, or null.</summary>
    public Provider? Find(string name) => All.FirstOrDefault(provider => provider.Name == name);

    /// <summary>Returns this provider, followed by the fallbacks of its channel.</summary>
    public IReadOnlyList<Provider> ChainOf(Provider first)
    {
        var order = _mailOrder.Contains(first) ? _mailOrder
            : first.Channel == Channel.Sms || _smsOrder.Contains(first) ? _smsOrder
            : [];
        // The mailbox page is a fallback for a real provider only if SMS_PROVIDERS names it.
        return [first, .. order.Where(other => other != first)];
    }
}
