using System.Text.Json;

namespace OtpPortal.ApiDocs;

/// <summary>Renders the documents as a page. Nested schemas are flattened, with dotted field names.</summary>
public sealed partial class DocsPage
{
    private readonly List<ApiDocuments.ApiDocument> _documents = [];

    private sealed record Field(string Name, string Place, bool IsRequired, string Allowed, string Meaning);

    protected override async Task OnInitializedAsync()
    {
        foreach (var name in ApiDocuments.Infos.Keys) _documents.Add(await Documents.GetAsync(name));
    }

    // Returns a part of the document, or the target of its reference ("$ref": "#/components/schemas/…").
    private static JsonElement Resolve(JsonElement root, JsonElement part)
    {
        if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("$ref", out var reference)) return part;
        return reference.GetString()!.Split('/').Skip(1).Aggregate(root, (element, name) => element.GetProperty(name));
    }

    private static string Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.ToString() : "";

    private static IEnumerable<string> PartsOf(string name)
    {
        var parts = name.Split('.');
        return parts.Select((part, i) => i < parts.Length - 1 ? part + '.' : part);
    }

    private static List<Field> FieldsOf(JsonElement root, JsonElement operation)
    {
        var fields = new List<Field>();
        if (operation.TryGetProperty("parameters", out var parameters))
        {
            fields.AddRange(parameters.EnumerateArray().Select(parameter => new Field(
                Text(parameter, "name"), Text(parameter, "in"), Text(parameter, "required") == "True",
                Allowed(parameter.GetProperty("schema")), Text(parameter, "description"))));
        }
        // All content types have the same fields.
        if (operation.TryGetProperty("requestBody", out var body))
            fields.AddRange(BodyOf(root, body.GetProperty("content").EnumerateObject().First().Value.GetProperty("schema"), ""));
        return fields;
    }

    /// <summary>Returns the field names of a successful response, without the objects that contain them.</summary>
    private static List<string> ResultsOf(JsonElement root, JsonProperty answer)
    {
        if (!answer.Name.StartsWith('2') || !Resolve(root, answer.Value).TryGetProperty("content", out var content)
            || !content.TryGetProperty("application/json", out var json)) return [];
        var fields = BodyOf(root, json.GetProperty("schema"), "").ToList();
        return [
            .. fields.Where(field => !fields.Exists(other => other.Name.StartsWith(field.Name + '.', StringComparison.Ordinal)))
                .Select(field => field.Name)];
    }

    private static IEnumerable<Field> BodyOf(JsonElement root, JsonElement schema, string path)
    {
        schema = Resolve(root, schema);
        foreach (var choice in schema.TryGetProperty("anyOf", out var choices) ? choices.EnumerateArray().ToList() : [])
        {
            foreach (var inner in BodyOf(root, choice, path)) yield return inner;
        }
        if (schema.TryGetProperty("items", out var items))
        {
            foreach (var inner in BodyOf(root, items, path)) yield return inner;
        }
        if (!schema.TryGetProperty("properties", out var properties)) yield break;
        var required = schema.TryGetProperty("required", out var names)
            ? names.EnumerateArray().Select(name => name.GetString()).ToHashSet(StringComparer.Ordinal) : [];
        foreach (var property in properties.EnumerateObject())
        {
            var field = Resolve(root, property.Value);
            var meaning = Text(property.Value, "description") is { Length: > 0 } own ? own : Text(field, "description");
            yield return new Field(path + property.Name, "body", required.Contains(property.Name), Allowed(field), meaning);
            foreach (var inner in BodyOf(root, field, path + property.Name + '.')) yield return inner;
        }
    }

    private static string Allowed(JsonElement schema)
    {
        var parts = new List<string> { Text(schema, "type") };
        if (schema.TryGetProperty("enum", out var choices)) parts.Add(string.Join(", ", choices.EnumerateArray()));
        if (schema.TryGetProperty("pattern", out var pattern)) parts.Add(pattern.ToString());
        if (schema.TryGetProperty("format", out var format)) parts.Add(format.ToString());
        if (schema.TryGetProperty("minimum", out var minimum))
        {
            parts.Add(Text(schema, "maximum") is { Length: > 0 } maximum ? $"{minimum} to {maximum}" : $"at least {minimum}");
        }
        if (schema.TryGetProperty("maxLength", out var length))
            parts.Add($"{(Text(schema, "minLength") is { Length: > 0 } least ? least + " to " : "at most ")}{length} characters");
        if (schema.TryGetProperty("maxItems", out var count)) parts.Add($"at most {count}");
        if (schema.TryGetProperty("default", out var fallback))
            parts.Add($"default {(fallback.ValueKind == JsonValueKind.String ? fallback.GetString() : fallback.GetRawText())}");
        return string.Join("; ", parts);
    }
}
