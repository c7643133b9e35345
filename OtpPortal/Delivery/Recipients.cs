using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>What limits and the fair sharing of providers know of a recipient.</summary>
internal static class Recipients
{
    /// <summary>Returns the form in which limits count an address: the same for every provider and every API.</summary>
    public static string Normalize(string address) =>
        EmailAddress.TryParse(address, out var email) ? email.Value
        : PhoneNumber.TryParse(address, defaultCountry: null, allowFictional: true, out var number) ? number.Value
        : address.Trim();

    /// <summary>
    /// Returns what fails together: the domain of a mail address, the country of a phone number; any other address stands alone.
    /// Messages to one group never take all of a provider's connections, and never all of the queue.
    /// </summary>
    public static string GroupOf(string address) =>
        address.LastIndexOf('@') is >= 0 and var at ? address[(at + 1)..].ToLowerInvariant()
        : PhoneNumber.TryParse(address, defaultCountry: null, allowFictional: true, out var number) ? number.Country
        : address;
}
