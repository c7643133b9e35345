using System.Globalization;
using System.Text;
using System.Text.Json;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>
/// Reads a JSON object of a request field by field. The error names the first invalid field; after it, values are meaningless.
/// Clients of magiclinksdev send every field, so null, an empty string and 0 count as missing.
/// </summary>
internal sealed class RequestFields
{
    /// <summary>The JSON parser's options. The depth is limited to prevent attacks on the parser.</summary>
    public static readonly JsonDocumentOptions Reading = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    /// <summary>Valid, but without any fields.</summary>
    public static RequestFields None => new(default, "", new ErrorHolder());

    private readonly JsonElement _element;
    private readonly string _path;
    private readonly ErrorHolder _complaint;

    private RequestFields(JsonElement element, string path, ErrorHolder complaint) =>
        (_element, _path, _complaint) = (element, path, complaint);

    /// <param name="root">Contains only valid Unicode: see <see cref="JsonTexts"/>.</param>
    public RequestFields(JsonElement root)
        : this(root, "", new ErrorHolder())
    {
        if (root.ValueKind != JsonValueKind.Object) AddError("The body must be a JSON object.");
    }

    /// <summary>The error of the request, or null.</summary>
    public string? Problem => _complaint.Text;

    public bool Has(string name) => Find(name) is not null;

    /// <summary>Gets an object. A missing optional object has no fields.</summary>
    public RequestFields Object(string name, bool required = true)
    {
        var element = Find(name);
        if (element is null && required) AddError($"{_path}{name} is missing and must be an object.");
        else if (element is { ValueKind: not JsonValueKind.Object }) AddError($"{_path}{name} must be an object.");
        return new RequestFields(element is { ValueKind: JsonValueKind.Object } value ? value : default, _path + name + ".", _complaint);
    }

    /// <summary>
    /// Gets an object's JSON as it was sent: directly, or as a string, plain or in base64. Go's encoding/json writes byte
    /// slices in base64, and magiclinksdev's example clients pass their claims as one.
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
                AddError(name, "must be an object, or an object as a JSON or base64 string");
                return null;
            default:
                if (Encoding.UTF8.GetByteCount(element.Value.GetRawText()) <= maxBytes) return element;
                AddError(name, $"must have at most {maxBytes} bytes");
                return null;
        }
    }

    /// <summary>Gets a string of one or several lines.</summary>
    /// <param name="name">The field.</param>
    /// <param name="min">Minimum length in bytes of UTF-8, as in magiclinksdev, if there is a value. From 1 on the field is
    /// required.</param>
    /// <param name="max">Maximum length in grapheme clusters, so an emoji counts as one: never fewer than magiclinksdev
    /// accepts.</param>
    /// <param name="multiline">Whether line breaks are allowed.</param>
    public string Text(string name, int min = 0, long max = int.MaxValue, bool multiline = false)
    {
        if (Find(name) is not { } element || element is { ValueKind: JsonValueKind.String } && element.GetString()!.Length == 0)
        {
            if (min > 0) AddError(name, "is missing and must be a string");
            return "";
        }
        if (element.ValueKind != JsonValueKind.String)
        {
            AddError($"{_path}{name} must be a string.");
            return "";
        }
        var text = element.GetString()!;
        if (Encoding.UTF8.GetByteCount(text) < min) AddError(name, $"must be a string of at least {min} bytes");
        // The second limit prevents unbounded combining characters.
        else if (new StringInfo(text).LengthInTextElements > max || text.Length > 8 * max)
        {
            AddError(name, $"must be a string of at most {max} characters");
        }
        else if (text.Any(c => char.IsControl(c) && !(multiline && c is '\n' or '\r' or '\t')))
        {
            AddError($"{_path}{name} must be a string without control characters.");
        }
        else return text;
        return "";
    }

    /// <summary>Gets an integer.</summary>
    public long Number(string name, long fallback, long min, long max)
    {
        if (Find(name) is not { } element) return fallback;
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number))
        {
            if (number == 0) return fallback;
            if (number >= min && number <= max) return number;
        }
        AddError($"{_path}{name} must be a whole number between {min} and {max}.");
        return fallback;
    }

    /// <summary>Gets a Boolean, or null if it is missing.</summary>
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
                AddError($"{_path}{name} must be true or false.");
                return null;
        }
    }

    /// <summary>Gets a list of strings.</summary>
    public IReadOnlyList<string> Texts(string name, int maxItems)
    {
        if (Find(name) is not { } element) return [];
        if (element.ValueKind == JsonValueKind.Array
            && element.GetArrayLength() <= maxItems && element.EnumerateArray().All(each => each.ValueKind == JsonValueKind.String))
        {
            return [.. element.EnumerateArray().Select(each => each.GetString()!)];
        }
        AddError($"{_path}{name} must be an array of at most {maxItems} strings.");
        return [];
    }

    public void AddError(string complaint) => _complaint.Text ??= complaint;

    /// <summary>Adds the error of a field.</summary>
    public void AddError(string name, string rule) => AddError($"{_path}{name} {rule}.");

    // An object starts with a brace, which base64 does not contain. Returns Undefined for anything else.
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
            // magiclinksdev ignores the case of names, and some clients write redirectUrl for redirectURL.
            var spelled = _element.EnumerateObject().Where(property => property.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                .Take(2).ToList();
            if (spelled.Count == 2) AddError($"{_path}{name} must not be given twice.");
            if (spelled.Count > 0) value = spelled[0].Value;
        }
        return value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : value;
    }

    private sealed class ErrorHolder
    {
        public string? Text { get; set; }
    }
}
