using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace OtpPortal.Client;

/// <summary>A JWT, taken apart (RFC 7515, RFC 7519) and not yet verified.</summary>
internal sealed record SignedJwt(string Algorithm, string KeyId, byte[] Signed, byte[] Signature, JsonElement Claims)
{
    private const int MaxLength = 16 * 1024;

    // Two readers may take different ones of two values for one name.
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    // Keys that the JWT brings along, or points to, are its maker's. What "crit" asks for would have to be understood.
    private static readonly string[] s_refused = ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "zip", "b64"];

    /// <summary>Null, and why, for what cannot be one of the portal's JWTs.</summary>
    public static SignedJwt? Read(string jwt, out string complaint)
    {
        complaint = "It is not a JWT.";
        if (jwt.Length > MaxLength || jwt.Split('.') is not [var first, var second, var third]) return null;
        if (Decode(first) is not { } header || Decode(second) is not { } payload || Decode(third) is not { } signature) return null;
        if (ReadObject(header) is not { } head || ReadObject(payload) is not { } claims) return null;

        if (s_refused.FirstOrDefault(name => head.TryGetProperty(name, out _)) is { } refused)
        {
            complaint = $"Its header has {refused}, which the portal's have not.";
            return null;
        }
        // The portal's keys sign nothing else, as far as we know; should they one day, it would have another type (RFC 8725, 3.11).
        if (!string.Equals(Text(head, "typ"), "JWT", StringComparison.OrdinalIgnoreCase))
        {
            complaint = "It is another kind of token.";
            return null;
        }
        var algorithm = Text(head, "alg");
        if (algorithm is not ("RS256" or "ES256"))
        {
            complaint = algorithm == "EdDSA"
                ? "It is signed with EdDSA, which .NET 10 cannot verify: ask the portal for GET /token?alg=RS256."
                : "Its algorithm is not one of RS256 and ES256.";
            return null;
        }
        if (Text(head, "kid") is not { Length: > 0 } keyId)
        {
            complaint = "It does not name its key.";
            return null;
        }
        complaint = "";
        return new SignedJwt(algorithm, keyId, Encoding.ASCII.GetBytes(first + "." + second), signature, claims);
    }

    /// <summary>Null for what is not Base64url without padding and blanks.</summary>
    public static byte[]? Decode(string text)
    {
        if (text.Length == 0 || !text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) return null;
        try
        {
            return Base64Url.DecodeFromChars(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement header, string name) =>
        header.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonElement? ReadObject(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, s_strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return null;
            ReadTexts(document.RootElement);
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter is said of a text, or a name, that is no Unicode.
            return null;
        }
    }

    // Half a surrogate pair and broken UTF-8 are found when a text is asked for: here, and not by whoever looks at a claim later.
    private static void ReadTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    _ = property.Name;
                    ReadTexts(property.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray()) ReadTexts(item);
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
