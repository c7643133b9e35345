using System.Globalization;
using System.Text;
using System.Text.Json;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>
/// Reads an object of a request's JSON field by field. The first field that is not allowed is told by its name; after that the values mean
/// nothing. As the clients of magiclinksdev send every field, a null, an empty text and a 0 stand for one that was left out.
/// </summary>
internal sealed class RequestFields
{
    /// <summary>How JSON is read. A person writes a handful of levels; a thousand are an attack on the parser.</summary>
    public static readonly JsonDocumentOptions Reading = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    /// <summary>No fields at all, and nothing wrong with them.</summary>
    public static RequestFields None => new(default, "", new Complaint());

    private readonly JsonElement _element;
    private readonly string _path;
    private readonly Complaint _complaint;

    private RequestFields(JsonElement element, string path, Complaint complaint) =>
        (_element, _path, _complaint) = (element, path, complaint);

    /// <param name="root">Its texts are Unicode: see <see cref="JsonTexts"/>.</param>
    public RequestFields(JsonElement root)
        : this(root, "", new Complaint())
    {
        if (root.ValueKind != JsonValueKind.Object) Complain("The body must be a JSON object.");
    }

    /// <summary>What is wrong with the request; null when nothing is.</summary>
    public string? Problem => _complaint.Text;

    public bool Has(string name) => Find(name) is not null;

    /// <summary>An object; one that is left out and not required has no fields.</summary>
    public RequestFields Object(string name, bool required = true)
    {
        var element = Find(name);
        if (element is null && required) Complain($"{_path}{name} is missing and must be an object.");
        else if (element is { ValueKind: not JsonValueKind.Object }) Complain($"{_path}{name} must be an object.");
        return new RequestFields(element is { ValueKind: JsonValueKind.Object } value ? value : default, _path + name + ".", _complaint);
    }

    /// <summary>
    /// Gets the JSON of an object as it was sent: as such, or in a text, plain or in base64. Go's encoding/json writes a byte slice in
    /// base64, and the client examples of magiclinksdev pass their claims as one.
    /// </summary>
    public JsonElement? Raw(string name, int maxBytes)
    {
        var element = Find(name);
        if (element is { ValueKind: JsonValueKind.String } text) element = text.GetString() is { Length: > 0 } inner ? Parse(inner) : null;
        switch (element?.ValueKind)
        {
            case null or JsonValueKind.Null:
                return null;
            case not JsonValueKind.Object:
                Complain(name, "must be an object, or an object as a JSON or base64 string");
                return null;
            default:
                if (Encoding.UTF8.GetByteCount(element.Value.GetRawText()) <= maxBytes) return element;
                Complain(name, $"must have at most {maxBytes} bytes");
                return null;
        }
    }

    /// <summary>Gets a text of one line, or of several.</summary>
    /// <param name="name">The field.</param>
    /// <param name="min">Bytes of UTF-8, where the text is given at all: magiclinksdev counts these. From 1 on it is required.</param>
    /// <param name="max">Characters as people count them, so an emoji is one: never fewer than magiclinksdev takes.</param>
    /// <param name="multiline">Whether it may have line ends.</param>
    public string Text(string name, int min = 0, long max = int.MaxValue, bool multiline = false)
    {
        if (Find(name) is not { } element || element is { ValueKind: JsonValueKind.String } && element.GetString()!.Length == 0)
        {
            if (min > 0) Complain(name, "is missing and must be a string");
            return "";
        }
        if (element.ValueKind != JsonValueKind.String)
        {
            Complain($"{_path}{name} must be a string.");
            return "";
        }
        var text = element.GetString()!;
        if (Encoding.UTF8.GetByteCount(text) < min) Complain(name, $"must be a string of at least {min} bytes");
        // The second bound is for characters that are piled up without end.
        else if (new StringInfo(text).LengthInTextElements > max || text.Length > 8 * max)
        {
            Complain(name, $"must be a string of at most {max} characters");
        }
        else if (text.Any(c => char.IsControl(c) && !(multiline && c is '\n' or '\r' or '\t')))
        {
            Complain($"{_path}{name} must be a string without control characters.");
        }
        else return text;
        return "";
    }

    /// <summary>A whole number.</summary>
    public long Number(string name, long fallback, long min, long max)
    {
        if (Find(name) is not { } element) return fallback;
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number))
        {
            if (number == 0) return fallback;
            if (number >= min && number <= max) return number;
        }
        Complain($"{_path}{name} must be a whole number between {min} and {max}.");
        return fallback;
    }

    /// <summary>True or false; null when it is left out.</summary>
    public bool? Flag(string name)
    {
        switch (Find(name)?.ValueKind)
        {
            case null:
                return null;
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                Complain($"{_path}{name} must be true or false.");
                return null;
        }
    }

    /// <summary>A list of texts.</summary>
    public IReadOnlyList<string> Texts(string name, int maxItems)
    {
        if (Find(name) is not { } element) return [];
        if (element.ValueKind == JsonValueKind.Array
            && element.GetArrayLength() <= maxItems && element.EnumerateArray().All(each => each.ValueKind == JsonValueKind.String))
        {
            return [.. element.EnumerateArray().Select(each => each.GetString()!)];
        }
        Complain($"{_path}{name} must be an array of at most {maxItems} strings.");
        return [];
    }

    public void Complain(string complaint) => _complaint.Text ??= complaint;

    /// <summary>Complains of one field.</summary>
    public void Complain(string name, string rule) => Complain($"{_path}{name} {rule}.");

    // An object begins with a brace, which base64 does not have. Undefined when it is neither.
    private static JsonElement Parse(string text)
    {
        try
        {
            var bytes = text.TrimStart().StartsWith('{') ? Encoding.UTF8.GetBytes(text) : Convert.FromBase64String(text);
            var element = JsonElement.Parse(bytes, Reading);
            return JsonTexts.AreUnicode(element) ? element : default;
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            return default;
        }
    }

    private JsonElement? Find(string name)
    {
        if (_element.ValueKind != JsonValueKind.Object) return null;
        if (!_element.TryGetProperty(name, out var value))
        {
            // magiclinksdev takes names in small letters or large, and there are programs that write redirectUrl for redirectURL.
            var spelled = _element.EnumerateObject().Where(property => property.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Take(2).ToList();
            if (spelled.Count == 2) Complain($"{_path}{name} must not be given twice.");
            if (spelled.Count > 0) value = spelled[0].Value;
        }
        return value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : value;
    }

    private sealed class Complaint
    {
        public string? Text { get; set; }
    }
}
