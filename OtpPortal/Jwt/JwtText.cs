using System.Buffers.Text;
using System.Text.Json;
using OtpPortal.Http;

namespace OtpPortal.Jwt;

/// <summary>The outer form of a JWT: three parts in base64url without padding (RFC 7515, 7.1).</summary>
internal static class JwtText
{
    /// <summary>
    /// Characters of a token that is looked at: claims of 4 KB, three times as long with everything in them escaped, a third more in
    /// base64url, and what is around them, with much to spare.
    /// </summary>
    public const int MaxLength = 24 * 1024;

    // A name that stands twice is two things to two readers.
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    public static string Encode(ReadOnlySpan<byte> data) => Base64Url.EncodeToString(data);

    /// <summary>Null for anything but base64url as it is written: no blanks, no padding, no left-over bits.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text)
    {
        if (!Base64Url.IsValid(text)) return null;
        var data = Base64Url.DecodeFromChars(text);
        // The framework ignores blanks, padding and left-over bits. One signature in one spelling: else a token could be changed and
        // stay good.
        return Encode(data).AsSpan().SequenceEqual(text) ? data : null;
    }

    /// <summary>A JSON object whose texts are Unicode, or null for anything else.</summary>
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
            // The latter comes of looking for names that stand twice, when one of them is no Unicode.
            return null;
        }
    }
}
