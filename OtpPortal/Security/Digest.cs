using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>
/// Names under which secrets are kept: the SHA-256 of a value of 128 random bits or more, so that who reads the store cannot use
/// what is there (no salt is needed, because nobody can enumerate such values).
/// </summary>
public static class Digest
{
    /// <summary>64 lower-case hexadecimal digits.</summary>
    public static string Of(string value)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(value), hash);
        return Convert.ToHexStringLower(hash);
    }
}
