using System.Text.Json;

namespace OtpPortal.Client;

/// <summary>Reads a JSON object that every reader understands in the same way.</summary>
internal static class StrictJson
{
    // Of two values for one name, two readers may take different ones.
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <summary>Returns null for anything but an object whose names are unique and whose texts are valid Unicode.</summary>
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
            // InvalidOperationException: a name or a text is not valid Unicode.
            return null;
        }
    }

    // JsonElement reports invalid Unicode when a text is read: this does it here, so that it does not fail in the caller's code.
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
