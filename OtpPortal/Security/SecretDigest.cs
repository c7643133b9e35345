using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>What is kept of a secret in memory to tell it from others.</summary>
public sealed class SecretDigest(string secret)
{
    private readonly byte[] _digest = Of(secret);

    /// <summary>True for the secret itself. Takes the same time wherever the two differ, so that nobody finds it byte by byte.</summary>
    public bool Matches(string candidate) => CryptographicOperations.FixedTimeEquals(Of(candidate), _digest);

    private static byte[] Of(string value) => SHA256.HashData(Encoding.UTF8.GetBytes(value));
}
