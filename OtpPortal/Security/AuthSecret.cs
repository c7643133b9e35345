using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>
/// AUTH_SECRET_KEY: opens <c>/auth-tokens</c> and the admin pages, and is the root from which every other key is derived
/// (HKDF-SHA-256, RFC 5869), each for one purpose, so that no key serves two.
/// </summary>
public sealed class AuthSecret
{
    /// <summary>The value that .env.sample shows; a portal in Production refuses to start with it.</summary>
    internal const string SampleValue = "replace-me-with-32-random-characters";

    internal const int MinLength = 16;

    private readonly byte[] _root;
    private readonly SecretDigest _digest;

    public AuthSecret(string value)
    {
        _root = Encoding.UTF8.GetBytes(value);
        _digest = new SecretDigest(value);
    }

    /// <summary>A key of <paramref name="length"/> bytes for one purpose.</summary>
    public byte[] DeriveKey(string purpose, int length = 32) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _root, length, salt: "OtpPortal"u8.ToArray(), info: Encoding.UTF8.GetBytes(purpose));

    /// <summary>True for the secret itself.</summary>
    public bool Matches(string candidate) => _digest.Matches(candidate);

    /// <summary>The value itself, for a command that has to show it to the portal of the same machine.</summary>
    internal string Reveal() => Encoding.UTF8.GetString(_root);

    /// <summary>Says nothing of the value, so that no log line can.</summary>
    public override string ToString() => "AUTH_SECRET_KEY";
}
