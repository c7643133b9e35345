using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.ApiDocs;

/// <summary><c>/openapi/{name}.json</c>: OpenAPI 3.1 documents, generated from the endpoints. <see cref="DocsPage"/> shows them.</summary>
public static class ApiDocuments
{
    /// <summary>The documents; <c>/docs</c> shows them in this order.</summary>
    internal static readonly IReadOnlyDictionary<string, OpenApiInfo> Infos = new Dictionary<string, OpenApiInfo>(StringComparer.Ordinal)
    {
        [ApiConventions.PortalDocument] = new()
        {
            Title = "OtpPortal",
            Version = "1",
            Summary = "Sign-in, tokens and sessions: the portal's own API.",
            Description = "Send `Accept: application/json` to get the responses described here; browsers get pages and redirects. "
                + "A state-changing request from a page of another site is rejected with 403.",
        },
        ["gateway"] = new()
        {
            Title = "OtpPortal gateway",
            Version = "1",
            Summary = "One-time passcodes for other backends, in the wire formats of otpgateway and jOTP.",
            Description = "Each application has a namespace with a secret (NAMESPACES), sent as HTTP Basic, and sees only its own ids. "
                + "Fields are sent as a form or in the query, responses are JSON. Times are in seconds.",
        },
        ["v2"] = new()
        {
            Title = "OtpPortal service accounts and JWTs",
            Version = "2",
            Summary = "Codes, magic links and JWTs for other backends, in magiclinksdev's wire format.",
            Description =
                """
                A service account is a program with a key of its own, sent as X-API-KEY; it validates its own codes and JWTs only.
                Requests are JSON of at most 64 KB and 32 levels without duplicate names. Names are not case-sensitive. A null, an empty
                text and a 0 stand for a field that was left out. A minimum length counts bytes of UTF-8, a maximum length counts
                characters as people see them. UUIDs are accepted in every spelling. Every failure has the form of Failure: also 404 for
                an unknown address, 405 for another method, 500 for a fault of the portal, and 403 for a POST from a page of another site.
                """,
        },
    };

    public static WebApplicationBuilder AddApiDocs(this WebApplicationBuilder builder)
    {
        var origin = builder.GetSettings<PortalSettings>().Origin;
        builder.Services.AddSingleton<ApiSecurity>();
        builder.Services.AddSingleton<Generated>();
        builder.Services.AddTransient<IApiDescriptionProvider, ApiDescriptions>();
        foreach (var (name, info) in Infos)
        {
            builder.Services.AddOpenApi(name, options =>
            {
                options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
                // HEAD works wherever GET does.
                options.ShouldInclude = description => description.GroupName == name && description.HttpMethod != HttpMethods.Head;
                options.AddSchemaTransformer((schema, context, _) => ApiTransformers.CompleteAsync(schema, context));
                options.AddOperationTransformer((operation, context, _) =>
                    ApiTransformers.CompleteAsync(operation, context, context.ApplicationServices.GetRequiredService<ApiSecurity>()));
                options.AddDocumentTransformer((document, _, _) =>
                {
                    (document.Info, document.Servers) = (info, [new OpenApiServer { Url = origin }]);
                    ApiTransformers.Complete(document);
                    return Task.CompletedTask;
                });
            });
        }
        return builder;
    }

    public static void MapApiDocs(this IEndpointRouteBuilder routes)
    {
        foreach (var name in Infos.Keys)
        {
            routes.MapMethods(AddressOf(name), ["GET", "HEAD"], async (Generated documents) =>
                Results.Bytes((await documents.GetAsync(name)).Bytes, "application/json; charset=utf-8"));
        }
    }

    internal static string AddressOf(string name) => $"/openapi/{name}.json";

    /// <summary>The documents, each generated once: they are the same for every request.</summary>
    internal sealed class Generated(IServiceProvider services)
    {
        private readonly ConcurrentDictionary<string, Lazy<Task<ApiDocument>>> _documents = new(StringComparer.Ordinal);

        public Task<ApiDocument> GetAsync(string name) =>
            _documents.GetOrAdd(name, _ => new Lazy<Task<ApiDocument>>(() => GenerateAsync(name))).Value;

        private async Task<ApiDocument> GenerateAsync(string name)
        {
            var document = await services.GetRequiredKeyedService<IOpenApiDocumentProvider>(name).GetOpenApiDocumentAsync();
            var bytes = Encoding.UTF8.GetBytes(await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1));
            return new ApiDocument(name, bytes, JsonElement.Parse(bytes));
        }
    }

    /// <summary>A generated document: its JSON, and the same parsed.</summary>
    internal sealed record ApiDocument(string Name, byte[] Bytes, JsonElement Root);
}
