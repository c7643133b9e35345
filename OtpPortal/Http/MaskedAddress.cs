using System.Globalization;

namespace OtpPortal.Http;

/// <summary>
/// Masks addresses for logs. Keeps the first letter and the domain of an email address, and both ends of a phone number.
/// </summary>
public static class MaskedAddress
{
    public static string Of(string address)
    {
        var at = address.IndexOf('@', StringComparison.Ordinal);
        if (at > 0) return $"{StringInfo.GetNextTextElement(address)}…{address[at..]}";
        // Idempotent: masking a masked address does not change it.
        return address.Length > 5 && address[0] == '+' ? $"{address[..3]}…{address[^2..]}" : "…";
    }
}
