using System.Security.Cryptography;

namespace OtpPortal.Security;

/// <summary>Creates unguessable text from the system's CSPRNG.</summary>
public static class RandomText
{
    /// <summary>A–Z a–z 0–9: 5.95 bits per character, with no need for escaping in cookies, forms and URLs.</summary>
    public const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Creates <paramref name="length"/> uniformly random characters of <see cref="Alphabet"/>.</summary>
    public static string New(int length) => RandomNumberGenerator.GetString(Alphabet, length);
}
