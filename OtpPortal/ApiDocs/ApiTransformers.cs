using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using OtpPortal.Http;

namespace OtpPortal.ApiDocs;

/// <summary>Completes the generated documents with what the framework does not derive from metadata.</summary>
internal static class ApiTransformers
{
    /// <summary>Adds security requirements, headers and plain-text responses.</summary>
    public static async Task CompleteAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, ApiSecurity security)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        foreach (var (name, scheme) in await security.OfAsync(metadata))
        {
            context.Document!.AddComponent(name, scheme);
            var reference = new OpenApiSecuritySchemeReference(name, context.Document);
            (operation.Security ??= []).Add(new OpenApiSecurityRequirement { [reference] = [] });
        }
        foreach (var parameter in metadata.OfType<ApiPathParameter>())
        {
            var described = operation.Parameters?.FirstOrDefault(each => each.Name == parameter.Name);
            described?.Description ??= parameter.Description;
        }
        foreach (var (key, value) in operation.Responses!)
        {
            var (status, response) = (int.Parse(key, CultureInfo.InvariantCulture), (OpenApiResponse)value);
            foreach (var header in metadata.OfType<ApiHeader>().Where(header => header.IsSent(status)))
            {
                response.Headers ??= new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal);
                response.Headers[header.Name] = new OpenApiHeader
                {
                    Description = header.Description,
                    Required = header.IsRequired && status != StatusCodes.Status429TooManyRequests,
                    Schema = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = header.Pattern },
                };
            }
            if (metadata.OfType<ApiText>().LastOrDefault(each => each.Status == status) is not { } text) continue;
            response.Content!["text/plain"].Schema = new OpenApiSchema { Type = JsonSchemaType.String, Enum = [text.Text] };
        }
    }

    /// <summary>
    /// Adjusts schemas to the portal's JSON: numbers are never strings, and properties that are null in C# are omitted.
    /// </summary>
    public static Task CompleteAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context)
    {
        if (schema.Type is { } type)
        {
            foreach (var number in (JsonSchemaType[])[JsonSchemaType.Integer, JsonSchemaType.Number])
            {
                if (type.HasFlag(number)) (type, schema.Pattern) = (number, null);
            }
            schema.Type = type == JsonSchemaType.Null ? type : type & ~JsonSchemaType.Null;
        }
        // An attribute's way to express that there is no maximum.
        if (schema.Maximum == int.MaxValue.ToString(CultureInfo.InvariantCulture)) schema.Maximum = null;
        if (schema.Properties is { Count: > 0 })
        {
            var required = context.JsonTypeInfo.Properties.Where(IsRequired).Select(property => property.Name);
            schema.Required = required.ToHashSet(StringComparer.Ordinal);
        }
        var attributes = context.JsonPropertyInfo?.AttributeProvider?.GetCustomAttributes(inherit: true) ?? [];
        var allowed = attributes.OfType<AllowedValuesAttribute>().FirstOrDefault()?.Values;
        if (allowed is not null) schema.Enum = [.. allowed.Select(value => (JsonNode)(string)value!)];
        if (attributes.OfType<EmailAddressAttribute>().Any()) schema.Format = "email";
        return Task.CompletedTask;
    }

    private static bool IsRequired(JsonPropertyInfo property) =>
        !property.IsGetNullable || property.AttributeProvider?.IsDefined(typeof(RequiredAttribute), inherit: true) == true;

    /// <summary>Sorts the paths, and refers to objects directly where the framework also allows null.</summary>
    public static void Complete(OpenApiDocument document)
    {
        var paths = document.Paths.OrderBy(path => path.Key, StringComparer.Ordinal).ToList();
        document.Paths.Clear();
        foreach (var (path, item) in paths) document.Paths.Add(path, item);
        foreach (var schema in document.Components?.Schemas?.Values ?? [])
        {
            foreach (var (name, property) in schema.Properties?.ToList() ?? [])
            {
                if (property.OneOf is [var first, var second])
                {
                    schema.Properties![name] = first.Type == JsonSchemaType.Null ? second : first;
                }
            }
        }
    }
}
