using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>Groups recipients for limits and for sharing providers.</summary>
internal static class Recipients
{
    /// <summary>Normalizes an address for counting, in the same way for every provider and API.</summary>
    public static string Normalize(string address) =>
        EmailAddress.Normalize(address)
        ?? (PhoneNumber.TryParse(address, defaultCountry: null, allowFictional: true, out var number) ? number.Value : address.Trim());

    /// <summary>
    /// Returns the group of recipients that are likely to fail together: the domain of an email address or the country of a
    /// phone number. Any other address is its own group. No group can use all connections of a provider or the whole queue.
    /// </summary>
    public static string GroupOf(string address) =>
        address.LastIndexOf('@') is >= 0 and var at ? address[(at + 1)..].ToLowerInvariant()
        : PhoneNumber.TryParse(address, defaultCountry: null, allowFictional: true, out var number) ? number.Country
        : address;
}
