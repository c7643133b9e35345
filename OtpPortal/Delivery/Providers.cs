namespace OtpPortal.Delivery;

/// <summary>Every provider that settings switched on, found by its name.</summary>
public sealed class Providers
{
    private readonly IReadOnlyList<Provider> _all;

    public Providers(IReadOnlyList<Provider> all, Provider mail)
    {
        _all = all;
        Mail = mail;
        Names = [.. all.Select(provider => provider.Name)];
    }

    /// <summary>The names, always in the same order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The one that the portal's own mail leaves by.</summary>
    public Provider Mail { get; }

    /// <summary>Null when there is no provider of exactly this name.</summary>
    public Provider? Find(string name) => _all.FirstOrDefault(provider => provider.Name == name);

    /// <summary>This provider, then those that take over when it fails.</summary>
    public IReadOnlyList<Provider> ChainOf(Provider first) => [first];
}
