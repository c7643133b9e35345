namespace OtpPortal.Delivery;

/// <summary>Every provider that settings switched on, found by its name.</summary>
public sealed class Providers
{
    private readonly IReadOnlyList<Provider> _mailOrder;
    private readonly IReadOnlyList<Provider> _smsOrder;

    /// <param name="all">In the order that <see cref="Names"/> has.</param>
    /// <param name="mailOrder">The transport of the portal's own mail, and the one that takes over when it fails.</param>
    /// <param name="smsOrder">SMS_PROVIDERS.</param>
    public Providers(IReadOnlyList<Provider> all, IReadOnlyList<Provider> mailOrder, IReadOnlyList<Provider> smsOrder)
    {
        _mailOrder = mailOrder;
        _smsOrder = smsOrder;
        All = all;
        Names = [.. all.Select(provider => provider.Name)];
    }

    public IReadOnlyList<Provider> All { get; }

    /// <summary>The names, always in the same order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The one that the portal's own mail leaves by.</summary>
    public Provider Mail => _mailOrder[0];

    /// <summary>The one that codes for signing in by SMS leave by; null when SMS_PROVIDERS names none.</summary>
    public Provider? Sms => _smsOrder.Count > 0 ? _smsOrder[0] : null;

    /// <summary>Null when there is no provider of exactly this name.</summary>
    public Provider? Find(string name) => All.FirstOrDefault(provider => provider.Name == name);

    /// <summary>This provider, then those of its channel that take over when it fails.</summary>
    public IReadOnlyList<Provider> ChainOf(Provider first)
    {
        var order = _mailOrder.Contains(first) ? _mailOrder
            : first.Channel == Channel.Sms || _smsOrder.Contains(first) ? _smsOrder
            : [];
        // Somebody who asked for real SMS is not served by a page that shows messages, unless SMS_PROVIDERS says so.
        return [first, .. order.Where(other => other != first)];
    }
}
