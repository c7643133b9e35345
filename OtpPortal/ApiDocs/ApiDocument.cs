using System.Reflection;
using System.Text.Json;
using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.ApiDocs;

/// <summary>
/// A description of an API in OpenAPI 3.1, written by hand and held to what the server does by a test that asks it; <c>/docs</c> shows it.
/// </summary>
/// <param name="Name">It is served at <c>/openapi/{Name}.json</c>.</param>
public sealed record ApiDocument(string Name, string Text)
{
    private const string Root = "OtpPortal.ApiDocs/";

    public string Path => $"/openapi/{Name}.json";

    /// <summary>Reads it, with the portal's own address in it.</summary>
    internal static ApiDocument Load(string name, string origin)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{Root}{name}.json")
            ?? throw new InvalidOperationException($"The API document {name} is missing.");
        using var reader = new StreamReader(stream);
        return new ApiDocument(name, reader.ReadToEnd().Replace("{PUBLIC_URL}", origin, StringComparison.Ordinal));
    }

    /// <summary>Its parts, as a page shows them.</summary>
    internal JsonElement Parse() => JsonDocument.Parse(Text).RootElement;

    /// <summary>A part of the document, or what it refers to in its place (<c>"$ref": "#/components/schemas/…"</c>).</summary>
    internal static JsonElement Resolve(JsonElement root, JsonElement part)
    {
        if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("$ref", out var reference)) return part;
        return reference.GetString()!.Split('/').Skip(1).Aggregate(root, (element, name) => element.GetProperty(name));
    }
}

/// <summary>Every API that is described.</summary>
public sealed record ApiDocuments(IReadOnlyList<ApiDocument> All);

/// <summary><c>/openapi/….json</c>; the page <c>/docs</c> beside it is <see cref="DocsPage"/>.</summary>
public static class ApiDocsRoutes
{
    private static readonly string[] s_names = ["gateway", "v2"];

    public static WebApplicationBuilder AddApiDocs(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(new ApiDocuments([.. s_names.Select(name => ApiDocument.Load(name, builder.GetSettings<PortalSettings>().Origin))]));
        return builder;
    }

    public static void MapApiDocs(this IEndpointRouteBuilder routes)
    {
        foreach (var document in routes.ServiceProvider.GetRequiredService<ApiDocuments>().All)
        {
            routes.MapMethods(document.Path, ["GET", "HEAD"], () => Results.Text(document.Text, "application/json"));
        }
    }
}
