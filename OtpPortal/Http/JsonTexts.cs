using System.Text.Json;

namespace OtpPortal.Http;

/// <summary>What the framework's JSON reader leaves to those who use what it has read.</summary>
internal static class JsonTexts
{
    /// <summary>
    /// True when every text and name in it is Unicode. The reader takes half a surrogate pair and broken UTF-8, and throws only when
    /// somebody asks for that text: for us in the middle of the work, and for whoever gets the JSON from us at a place of their own.
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
