using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>An OpenAPI document of the portal. Validates responses against it and records which were seen.</summary>
internal sealed class DescribedApi
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    private DescribedApi(JsonElement document) => Document = document;

    public JsonElement Document { get; }

    /// <summary>Gets the described operations by name, such as <c>GET /api/health</c>.</summary>
    public IReadOnlyDictionary<string, JsonElement> Operations => Document.GetProperty("paths").EnumerateObject()
        .SelectMany(
            path => path.Value.EnumerateObject()
                .Select(operation => KeyValuePair.Create($"{operation.Name.ToUpperInvariant()} {path.Name}", operation.Value)))
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>Gets the described responses that were not seen yet, such as <c>GET /api/health 503</c>.</summary>
    public IEnumerable<string> Unseen => Operations
        .SelectMany(
            operation => operation.Value.GetProperty("responses").EnumerateObject().Select(response => $"{operation.Key} {response.Name}"))
                .Except(_seen, StringComparer.Ordinal);

    public int SeenCount => _seen.Count;

    public static async Task<DescribedApi> OfAsync(PortalHost portal, string name) =>
        new((await portal.NewApiClient().GetAsync($"/openapi/{name}.json")).Json);

    /// <summary>Gets the operations that the portal serves, except HEAD.</summary>
    public static IEnumerable<string> ServedBy(PortalHost portal) => portal.Services.GetServices<EndpointDataSource>()
        .SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
        .SelectMany(
            endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []).Where(method => method is not "HEAD")
            .Select(method => $"{method} /{endpoint.RoutePattern.RawText!.Trim('/')}"))
        .Distinct(StringComparer.Ordinal);

    /// <summary>Resolves a <c>$ref</c>, or returns the part itself.</summary>
    public JsonElement Resolve(JsonElement part) =>
        part.TryGetProperty("$ref", out var reference) ? reference.GetString()!.Split('/').Skip(1)
            .Aggregate(Document, (element, name) => element.GetProperty(name)) : part;

    /// <summary>Asserts that the response has a described status and exactly the described headers and fields.</summary>
    public void ShouldDescribe(string path, string method, Answer answer)
    {
        var operation = $"{method.ToUpperInvariant()} {path}";
        var where = $"{operation} {answer.Status}";
        Operations[operation].GetProperty("responses")
            .TryGetProperty(answer.Status.ToString(CultureInfo.InvariantCulture), out var response).ShouldBeTrue($"{where}: {answer.Body}");
        _seen.Add(where);
        response = Resolve(response);
        if (response.TryGetProperty("content", out var content))
        {
            var type = content.EnumerateObject().ShouldHaveSingleItem(where);
            answer.ContentType.ShouldStartWith(type.Name, Case.Sensitive, where);
            var schema = type.Value.GetProperty("schema");
            if (type.Name == "application/json") ShouldMatch(schema, answer.Json, where);
            // Without an enum, any text is valid.
            else if (schema.TryGetProperty("enum", out var text)) text[0].GetString().ShouldBe(answer.Body, where);
        }
        var headers = response.TryGetProperty("headers", out var some) ? some.EnumerateObject() : default;
        var described = headers.ToDictionary(header => header.Name, header => Resolve(header.Value));
        foreach (var (name, header) in described)
        {
            // Quota responses include the RateLimit headers, lockout responses do not.
            if (answer.Header(name) is not { } value) header.TryGetProperty("required", out _).ShouldBeFalse($"{where}: {name} is missing");
            else if (header.GetProperty("schema").TryGetProperty("pattern", out var pattern)) value.ShouldMatch($"{pattern}", where);
        }
        foreach (var name in (string[])["RateLimit", "RateLimit-Policy", "Retry-After", "Location", "X-Next-Cursor"])
        {
            (answer.Header(name) is null || described.ContainsKey(name)).ShouldBeTrue($"{where}: {name} is not described");
        }
    }

    /// <summary>Asserts that the API page shows every operation.</summary>
    public async Task ShouldBeShownByAsync(PortalHost portal)
    {
        var page = await portal.NewBrowser().GetAsync("/docs");

        page.Status.ShouldBe(200);
        foreach (var (operation, description) in Operations) page.Text.ShouldContain(
            $"{operation} {description.GetProperty("summary").GetString()}");
        Document.GetProperty("servers")[0].GetProperty("url").GetString().ShouldBe(portal.Address.GetLeftPart(UriPartial.Authority));
    }

    // Implements the part of JSON Schema that the documents use.
    private void ShouldMatch(JsonElement schema, JsonElement value, string where)
    {
        schema = Resolve(schema);
        if (schema.TryGetProperty("anyOf", out var kinds))
        {
            // All items have the same type, so the first one selects the schema.
            var first = value.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.Object) ? "object" : "string";
            schema = kinds.EnumerateArray().Single(kind => Resolve(kind.GetProperty("items")).GetProperty("type").GetString() == first);
        }
        if (schema.TryGetProperty("enum", out var choices))
            choices.EnumerateArray().Select(choice => choice.GetString()).ShouldContain(value.GetString(), where);
        switch (schema.TryGetProperty("type", out var type) ? type.GetString() : null)
        {
            case "object" when !schema.TryGetProperty("properties", out _):
                value.ValueKind.ShouldBe(JsonValueKind.Object, where);
                break;
            case "object":
                value.ValueKind.ShouldBe(JsonValueKind.Object, where);
                var required = schema.TryGetProperty("required", out var names)
                    ? names.EnumerateArray().Select(name => name.GetString()!) : [];
                foreach (var name in required) value.TryGetProperty(name, out _).ShouldBeTrue($"{where}: {name} is missing in {value}");
                foreach (var field in value.EnumerateObject())
                {
                    schema.GetProperty("properties").TryGetProperty(field.Name, out var described)
                        .ShouldBeTrue($"{where}: {field.Name} is not described");
                    ShouldMatch(described, field.Value, $"{where}.{field.Name}");
                }
                break;
            case "array":
                value.ValueKind.ShouldBe(JsonValueKind.Array, where);
                foreach (var item in value.EnumerateArray()) ShouldMatch(schema.GetProperty("items"), item, where);
                break;
            case "string":
                value.ValueKind.ShouldBe(JsonValueKind.String, where);
                var text = value.GetString()!;
                if (schema.TryGetProperty("pattern", out var pattern))
                    Regex.IsMatch(text, pattern.GetString()!, RegexOptions.None, TimeSpan.FromSeconds(1)).ShouldBeTrue($"{where}: {text}");
                var isWellFormed = (schema.TryGetProperty("format", out var format) ? format.GetString() : null) switch
                {
                    "uuid" => Guid.TryParseExact(text, "D", out _),
                    "uri" => Uri.TryCreate(text, UriKind.Absolute, out _),
                    "date-time" => value.TryGetDateTimeOffset(out _),
                    _ => true,
                };
                isWellFormed.ShouldBeTrue($"{where}: {text} is no {format}");
                break;
            case "integer":
                value.TryGetInt64(out var number).ShouldBeTrue(where);
                if (schema.TryGetProperty("maximum", out var maximum))
                    number.ShouldBeInRange(schema.GetProperty("minimum").GetInt64(), maximum.GetInt64(), where);
                break;
            case "boolean":
                value.ValueKind.ShouldBeOneOf(JsonValueKind.True, JsonValueKind.False);
                break;
            case null:
                break;
            default:
                throw new NotSupportedException(where);
        }
    }
}
