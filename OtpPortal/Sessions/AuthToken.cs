using System.Security.Cryptography;
using System.Text;
using OtpPortal.Security;

namespace OtpPortal.Sessions;

/// <summary>Creates tokens: uniformly random characters of A–Z a–z 0–9.</summary>
public sealed class AuthToken(AuthSecret secret, TokenSettings settings)
{
    private readonly byte[] _key = secret.DeriveKey("token-successor");

    /// <summary>Creates a token from the system's CSPRNG.</summary>
    public string New() => RandomText.New(settings.Length);

    /// <summary>
    /// Derives the successor of a token with a keyed function (HMAC-SHA-256 in counter mode, NIST SP 800-108), so parallel
    /// checks on all replicas get the same successor without coordination.
    /// </summary>
    public string SuccessorOf(string token)
    {
        var successor = new StringBuilder(settings.Length);
        for (var counter = 0; successor.Length < settings.Length; counter++)
        {
            foreach (var b in HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{counter}\n{token}")))
            {
                // 248 is the largest multiple of 62 that fits in a byte; accepting larger values would bias the distribution.
                if (b < 248 && successor.Length < settings.Length) successor.Append(RandomText.Alphabet[b % 62]);
            }
        }
        return successor.ToString();
    }

    /// <summary>Returns whether a text has the form of a token. Malformed tokens are never looked up.</summary>
    public static bool IsWellFormed(string? text) => text is { Length: >= 32 and <= 128 } && text.All(char.IsAsciiLetterOrDigit);
}
