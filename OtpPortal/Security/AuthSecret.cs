using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>
/// AUTH_SECRET_KEY: authenticates <c>/auth-tokens</c> and the admin pages, and is the root key from which all other keys are
/// derived (HKDF-SHA-256, RFC 5869), one per purpose.
/// </summary>
public sealed class AuthSecret
{
    /// <summary>The placeholder in .env.sample. The portal refuses to start with it in Production.</summary>
    internal const string SampleValue = "replace-me-with-32-random-characters";

    internal const int MinLength = 16;

    private readonly byte[] _root;
    private readonly SecretDigest _digest;

    public AuthSecret(string value)
    {
        _root = Encoding.UTF8.GetBytes(value);
        _digest = new SecretDigest(value);
    }

    /// <summary>Derives a key of <paramref name="length"/> bytes for one purpose.</summary>
    public byte[] DeriveKey(string purpose, int length = 32) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _root, length, salt: "OtpPortal"u8.ToArray(), info: Encoding.UTF8.GetBytes(purpose));

    /// <summary>Returns whether a text is the secret, in constant time.</summary>
    public bool Matches(string candidate) => _digest.Matches(candidate);

    /// <summary>Gets the number of bytes of the secret.</summary>
    internal int Length => _root.Length;

    /// <summary>Gets the secret itself, for a command that presents it to the portal on the same machine.</summary>
    internal string Reveal() => Encoding.UTF8.GetString(_root);

    /// <summary>Omits the value, so it cannot leak into logs.</summary>
    public override string ToString() => "AUTH_SECRET_KEY";
}
