using System.Globalization;
using System.Text.Json;

namespace OtpPortal.MagicLinks;

/// <summary>
/// Reads an object of a request's JSON field by field. The first field that is not allowed is told by its name; after that the values mean
/// nothing. As the clients of magiclinksdev send every field, a null, an empty text and a 0 stand for one that was left out.
/// </summary>
internal sealed class RequestFields
{
    private readonly JsonElement _element;
    private readonly string _path;
    private readonly Complaint _complaint;

    private RequestFields(JsonElement element, string path, Complaint complaint) => (_element, _path, _complaint) = (element, path, complaint);

    /// <param name="root">Its texts are Unicode: see <see cref="Web.JsonTexts"/>.</param>
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
        if (element is null && required) Complain($"{_path}{name} is missing: it must be an object.");
        else if (element is { ValueKind: not JsonValueKind.Object }) Complain($"{_path}{name} must be an object.");
        return new RequestFields(element is { ValueKind: JsonValueKind.Object } value ? value : default, _path + name + ".", _complaint);
    }

    /// <summary>The JSON of an object as it was sent.</summary>
    public JsonElement? Raw(string name, int maxBytes)
    {
        if (Find(name) is not { } element) return null;
        if (element.ValueKind != JsonValueKind.Object) Complain($"{_path}{name} must be an object.");
        else if (System.Text.Encoding.UTF8.GetByteCount(element.GetRawText()) > maxBytes) Complain($"{_path}{name} must have at most {maxBytes} bytes.");
        else return element;
        return null;
    }

    /// <summary>A text of so many characters. <paramref name="min"/> counts where it is given at all; from 1 on it is required.</summary>
    public string Text(string name, int min, int max, bool multiline = false)
    {
        if (Find(name) is not { } element || element is { ValueKind: JsonValueKind.String } && element.GetString()!.Length == 0)
        {
            if (min > 0) Complain($"{_path}{name} is missing: it must be a text of {min} to {max} characters.");
            return "";
        }
        if (element.ValueKind != JsonValueKind.String)
        {
            Complain($"{_path}{name} must be a text.");
            return "";
        }
        var text = element.GetString()!;
        // As people count them: an emoji is one.
        var length = new StringInfo(text).LengthInTextElements;
        if (length < min || length > max || text.Length > 8 * max) Complain($"{_path}{name} must be a text of {(min > 0 ? $"{min} to" : "at most")} {max} characters.");
        else if (text.Any(c => char.IsControl(c) && !(multiline && c is '\n' or '\r' or '\t'))) Complain($"{_path}{name} must be a text without control characters.");
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
        Complain($"{_path}{name} must be a whole number from {min} to {max}.");
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
        if (element.ValueKind == JsonValueKind.Array && element.GetArrayLength() <= maxItems && element.EnumerateArray().All(each => each.ValueKind == JsonValueKind.String))
        {
            return [.. element.EnumerateArray().Select(each => each.GetString()!)];
        }
        Complain($"{_path}{name} must be a list of at most {maxItems} texts.");
        return [];
    }

    public void Complain(string complaint) => _complaint.Text ??= complaint;

    /// <summary>Complains of one field.</summary>
    public void Complain(string name, string rule) => Complain($"{_path}{name} {rule}.");

    private JsonElement? Find(string name)
    {
        if (_element.ValueKind != JsonValueKind.Object) return null;
        if (!_element.TryGetProperty(name, out var value))
        {
            // magiclinksdev takes names in small letters or large, and there are programs that write redirectUrl for redirectURL.
            var spelled = _element.EnumerateObject().Where(property => property.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Take(2).ToList();
            if (spelled.Count == 2) Complain($"{_path}{name} stands there twice.");
            if (spelled.Count > 0) value = spelled[0].Value;
        }
        return value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : value;
    }

    private sealed class Complaint
    {
        public string? Text { get; set; }
    }
}
