using System.Security.Cryptography;
using System.Text;
using OtpPortal.Security;

namespace OtpPortal.Sessions;

/// <summary>Derives the tokens of sessions.</summary>
/// <remarks>
/// A token is the id of its session, so that a check knows the session's key without a lookup, followed by at least 22
/// characters (130 bits) of A–Z a–z 0–9 that are derived from AUTH_SECRET_KEY, the session's random seed and the number of
/// rotations. All replicas derive the same tokens without coordination. Neither the key nor a dump of the store is enough to
/// compute one.
/// </remarks>
public sealed class AuthToken(AuthSecret secret, TokenSettings settings)
{
    private const int SessionIdLength = 10;
    private readonly byte[] _key = secret.DeriveKey("session-tokens");

    /// <summary>Creates the id of a session. It is unique, and not a secret: it does not grant access.</summary>
    public static string NewSessionId() => RandomText.New(SessionIdLength);

    /// <summary>Returns whether a text has the form of a session's id.</summary>
    public static bool IsSessionId(string? text) => text is { Length: SessionIdLength } && text.All(char.IsAsciiLetterOrDigit);

    /// <summary>Returns the id of a token's session, or null for a text that is no token. Malformed tokens are never looked up.</summary>
    public static string? SessionIdOf(string? text)
    {
        if (text is not { Length: >= 32 and <= 128 }) return null;
        foreach (var character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character)) return null;
        }
        return text[..SessionIdLength];
    }

    /// <summary>
    /// Returns what the store keeps of a token: the first 128 bits of its SHA-256. Without a key, so that tokens stay valid when
    /// AUTH_SECRET_KEY changes.
    /// </summary>
    public static byte[] DigestOf(string token)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> text = stackalloc byte[128];
        SHA256.HashData(text[..Encoding.ASCII.GetBytes(token, text)], hash);
        return hash[..16].ToArray();
    }

    /// <summary>
    /// Derives the token of a session after a number of rotations, with HMAC-SHA-256 in counter mode (NIST SP 800-108).
    /// </summary>
    public string Derive(string sessionId, byte[] seed, int rotations)
    {
        var token = new StringBuilder(sessionId, settings.Length);
        Span<byte> block = stackalloc byte[HMACSHA256.HashSizeInBytes];
        for (var counter = 0; token.Length < settings.Length; counter++)
        {
            HMACSHA256.HashData(_key, [.. seed, .. Encoding.ASCII.GetBytes($"{sessionId} {rotations} {counter}")], block);
            foreach (var b in block)
            {
                // 248 is the largest multiple of 62 that fits in a byte; accepting larger values would bias the distribution.
                if (b < 248 && token.Length < settings.Length) token.Append(RandomText.Alphabet[b % 62]);
            }
        }
        return token.ToString();
    }
}
