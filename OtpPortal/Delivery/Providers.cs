namespace OtpPortal.Delivery;

/// <summary>The providers that are set up.</summary>
public sealed class Providers
{
    private readonly IReadOnlyList<Provider> _mailOrder;
    private readonly IReadOnlyList<Provider> _smsOrder;

    /// <param name="all">In the order of <see cref="Names"/>.</param>
    /// <param name="mailOrder">The transport of the portal's own mail, then the one that takes over when it fails.</param>
    /// <param name="smsOrder">SMS_PROVIDERS.</param>
    public Providers(IReadOnlyList<Provider> all, IReadOnlyList<Provider> mailOrder, IReadOnlyList<Provider> smsOrder)
    {
        _mailOrder = mailOrder;
        _smsOrder = smsOrder;
        All = all;
        Names = [.. all.Select(provider => provider.Name)];
    }

    public IReadOnlyList<Provider> All { get; }

    /// <summary>Gets the names, always in the same order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Gets the provider of the portal's own mail.</summary>
    public Provider Mail => _mailOrder[0];

    /// <summary>Gets the provider of codes for signing in by SMS; null when SMS_PROVIDERS names none.</summary>
    public Provider? Sms => _smsOrder.Count > 0 ? _smsOrder[0] : null;

    /// <summary>Returns the provider of exactly this name, or null.</summary>
    public Provider? Find(string name) => All.FirstOrDefault(provider => provider.Name == name);

    /// <summary>Returns this provider, then those of its channel that take over when it fails.</summary>
    public IReadOnlyList<Provider> ChainOf(Provider first)
    {
        var order = _mailOrder.Contains(first) ? _mailOrder
            : first.Channel == Channel.Sms || _smsOrder.Contains(first) ? _smsOrder
            : [];
        // The mailbox page takes over from a real provider only where SMS_PROVIDERS names it.
        return [first, .. order.Where(other => other != first)];
    }
}
