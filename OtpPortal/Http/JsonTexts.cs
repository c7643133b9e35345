using System.Text.Json;

namespace OtpPortal.Http;

/// <summary>Validates text that the framework's JSON reader does not.</summary>
internal static class JsonTexts
{
    /// <summary>
    /// Returns whether all names and strings are valid Unicode. The reader accepts lone surrogates and invalid UTF-8, and
    /// throws only when the text is read, in the middle of a request or in a client that receives the JSON.
    /// </summary>
    public static bool AreUnicode(JsonElement element)
    {
        try
        {
            Read(element);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static void Read(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Read(property.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray()) Read(item);
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
