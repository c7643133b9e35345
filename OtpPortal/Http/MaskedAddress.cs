using System.Globalization;

namespace OtpPortal.Http;

/// <summary>
/// An address as it may appear in logs: of an email address the first letter and the domain, of a telephone number both ends.
/// </summary>
public static class MaskedAddress
{
    public static string Of(string address)
    {
        var at = address.IndexOf('@', StringComparison.Ordinal);
        if (at > 0) return $"{StringInfo.GetNextTextElement(address)}…{address[at..]}";
        // Masking once more changes nothing.
        return address.Length > 5 && address[0] == '+' ? $"{address[..3]}…{address[^2..]}" : "…";
    }
}
