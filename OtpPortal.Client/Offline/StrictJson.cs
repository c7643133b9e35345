using System.Text.Json;

namespace OtpPortal.Client;

/// <summary>Reads JSON objects that all parsers interpret in the same way.</summary>
internal static class StrictJson
{
    // Parsers disagree about duplicate names.
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <summary>Parses an object. Returns null unless its names are unique and all strings are valid Unicode.</summary>
    public static JsonElement? TryReadObject(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, s_options);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return null;
            ReadTexts(document.RootElement);
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a name or a string is not valid Unicode.
            return null;
        }
    }

    // JsonElement reports invalid Unicode only when a string is read. Reading all of them here prevents exceptions in the
    // caller's code.
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
