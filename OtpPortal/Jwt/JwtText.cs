using System.Buffers.Text;
using System.Text.Json;
using OtpPortal.Http;

namespace OtpPortal.Jwt;

/// <summary>Encodes and decodes JWTs: three parts in base64url without padding (RFC 7515, 7.1).</summary>
internal static class JwtText
{
    /// <summary>
    /// Maximum length of a token in characters. Longer ones are not examined. Fits 4 KB of claims, tripled if everything is
    /// escaped, plus a third for base64url and the remaining parts, with ample reserve.
    /// </summary>
    public const int MaxLength = 24 * 1024;

    // Parsers disagree about duplicate names.
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    public static string Encode(ReadOnlySpan<byte> data) => Base64Url.EncodeToString(data);

    /// <summary>Decodes canonical base64url. Returns null for blanks, padding or non-zero trailing bits.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text)
    {
        if (!Base64Url.IsValid(text)) return null;
        var data = Base64Url.DecodeFromChars(text);
        // .NET ignores blanks, padding and trailing bits. Only one encoding of a signature is accepted: otherwise a token could
        // be modified and stay valid.
        return Encode(data).AsSpan().SequenceEqual(text) ? data : null;
    }

    /// <summary>Parses a JSON object whose strings are valid Unicode. Returns null for anything else.</summary>
    public static JsonElement? ParseObject(ReadOnlySpan<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json.ToArray(), s_strict);
            return document.RootElement.ValueKind == JsonValueKind.Object && JsonTexts.AreUnicode(document.RootElement)
                ? document.RootElement.Clone() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter is thrown by the duplicate check if one of the names is not valid Unicode.
            return null;
        }
    }
}
