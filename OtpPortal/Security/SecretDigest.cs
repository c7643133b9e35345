using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>The digest of a secret, kept in memory for comparisons.</summary>
public sealed class SecretDigest(string secret)
{
    private readonly byte[] _digest = Of(secret);

    /// <summary>Returns whether a text is the secret. Takes constant time, to prevent timing attacks.</summary>
    public bool Matches(string candidate) => CryptographicOperations.FixedTimeEquals(Of(candidate), _digest);

    private static byte[] Of(string value) => SHA256.HashData(Encoding.UTF8.GetBytes(value));
}
