using System.Security.Cryptography;
using System.Text;
using OtpPortal.Security;

namespace OtpPortal.Sessions;

/// <summary>Makes tokens: characters of A–Z a–z 0–9, uniform, unguessable.</summary>
public sealed class AuthToken(AuthSecret secret, TokenSettings settings)
{
    private readonly byte[] _key = secret.DeriveKey("token-successor");

    /// <summary>A new token from the system's CSPRNG.</summary>
    public string New() => RandomText.New(settings.Length);

    /// <summary>
    /// The token that follows on a token. It is a keyed function of the old one (HMAC-SHA-256 in counter mode, NIST SP 800-108), so that
    /// any number of parallel checks, on any number of replicas, arrive at the same successor without asking each other.
    /// </summary>
    public string SuccessorOf(string token)
    {
        var successor = new StringBuilder(settings.Length);
        for (var counter = 0; successor.Length < settings.Length; counter++)
        {
            foreach (var b in HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{counter}\n{token}")))
            {
                // 248 is the largest multiple of 62 in a byte: taking more would favour some characters.
                if (b < 248 && successor.Length < settings.Length) successor.Append(RandomText.Alphabet[b % 62]);
            }
        }
        return successor.ToString();
    }

    /// <summary>Whether a text could be a token at all; what could not is never looked up.</summary>
    public static bool IsWellFormed(string? text) => text is { Length: >= 22 and <= 128 } && text.All(char.IsAsciiLetterOrDigit);
}
