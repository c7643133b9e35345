using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>How limits and the sharing of providers group recipients.</summary>
internal static class Recipients
{
    /// <summary>Returns the form in which limits count an address: the same for every provider and every API.</summary>
    public static string Normalize(string address) =>
        EmailAddress.Normalize(address)
        ?? (PhoneNumber.TryParse(address, defaultCountry: null, allowFictional: true, out var number) ? number.Value : address.Trim());

    /// <summary>
    /// Returns the group of recipients that fail together: the domain of an email address, the country of a phone number. Any other address
    /// is a group of its own. No group gets all of a provider's connections or all of the queue.
    /// </summary>
    public static string GroupOf(string address) =>
        address.LastIndexOf('@') is >= 0 and var at ? address[(at + 1)..].ToLowerInvariant()
        : PhoneNumber.TryParse(address, defaultCountry: null, allowFictional: true, out var number) ? number.Country
        : address;
}
