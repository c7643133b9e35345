using System.Security.Cryptography;

namespace OtpPortal.Security;

/// <summary>Names that nobody can guess, from the system's CSPRNG.</summary>
public static class RandomText
{
    /// <summary>A–Z a–z 0–9: 5.95 bits a character, and nothing that a cookie, a form or an address would have to escape.</summary>
    public const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary><paramref name="length"/> characters of <see cref="Alphabet"/>, every one equally likely.</summary>
    public static string New(int length) => RandomNumberGenerator.GetString(Alphabet, length);
}
