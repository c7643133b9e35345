using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>
/// Hashes secrets of at least 128 random bits with SHA-256, so that a dump of the store contains no usable secret. No salt is
/// needed, because such values cannot be enumerated.
/// </summary>
public static class Digest
{
    /// <summary>Returns the SHA-256 as 64 lowercase hexadecimal digits.</summary>
    public static string Of(string value)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(value), hash);
        return Convert.ToHexStringLower(hash);
    }
}
