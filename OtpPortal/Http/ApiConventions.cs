namespace OtpPortal.Http;

/// <summary>The words of an answer of plain text.</summary>
internal sealed record ApiText(int Status, string Text);

/// <summary>A header of the answers whose status <paramref name="IsSent"/> selects.</summary>
/// <param name="Pattern">The regular expression of its values, or null for any.</param>
/// <param name="IsRequired">Whether each of these answers has it; of the answers with 429 some never do.</param>
internal sealed record ApiHeader(string Name, string Description, string? Pattern, Func<int, bool> IsSent, bool IsRequired = true);

/// <summary>A body that the endpoint reads itself. It restricts nothing, unlike the framework's <c>Accepts</c>.</summary>
internal sealed record ApiBody(Type Type, IReadOnlyList<string> ContentTypes);

/// <summary>A part of the path that the endpoint reads itself.</summary>
internal sealed record ApiPathParameter(string Name, string Description);

/// <summary>The authentication scheme of an endpoint that authenticates without authorization metadata.</summary>
internal sealed record ApiCaller(string Scheme);

/// <summary>
/// Describes endpoints for the OpenAPI documents, where they are mapped. The last answer described for a status counts, so an endpoint
/// overrides its group.
/// </summary>
internal static class ApiConventions
{
    public const string PortalDocument = "portal";

    public static readonly string[] Form = ["application/x-www-form-urlencoded", "multipart/form-data"];

    /// <summary>Names an operation and says in a line what it does.</summary>
    public static TBuilder Describe<TBuilder>(this TBuilder endpoint, string name, string summary, string? description = null)
        where TBuilder : IEndpointConventionBuilder
    {
        endpoint.WithName(name).WithSummary(summary);
        return description is null ? endpoint : endpoint.WithDescription(description);
    }

    /// <summary>Describes an answer. An error has the API's own form, anything else no body, unless a type of JSON is given.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder endpoints, int status, string description, Type? body = null)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithMetadata(
            new ProducesResponseTypeMetadata(status, body, body is null ? null : ["application/json"]) { Description = description });

    /// <summary>Describes an answer of plain text.</summary>
    public static TBuilder AnswersText<TBuilder>(this TBuilder endpoints, int status, string description, string text)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithMetadata(
            new ProducesResponseTypeMetadata(status, typeof(string), ["text/plain"]) { Description = description },
            new ApiText(status, text));

    /// <summary>Describes a header of the answers with these statuses.</summary>
    public static TBuilder AnswersHeader<TBuilder>(this TBuilder endpoints, string name, string description, params int[] statuses)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithMetadata(new ApiHeader(name, description, null, statuses.Contains));

    /// <summary>Describes the JSON that the endpoint reads.</summary>
    public static TBuilder TakesJson<TBuilder>(this TBuilder endpoint, Type type)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new ApiBody(type, ["application/json"]));

    /// <summary>Describes the form that the endpoint reads.</summary>
    public static TBuilder TakesForm<TBuilder>(this TBuilder endpoint, Type type)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new ApiBody(type, Form));

    /// <summary>Describes what the answers of every API have in common: 503 while the store is away, and when to try again.</summary>
    public static TBuilder InDocument<TBuilder>(this TBuilder endpoints, string document, string tag)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithGroupName(document).WithTags(tag)
            .Answers(503, "The store is unavailable. Try again after Retry-After.")
            .AnswersHeader("Retry-After", "Seconds to wait before trying again.", 429, 503);

    /// <summary>Puts endpoints into the document of the portal's own API.</summary>
    public static TBuilder InPortalDocument<TBuilder>(this TBuilder endpoints, string tag)
        where TBuilder : IEndpointConventionBuilder => endpoints.InDocument(PortalDocument, tag);

    /// <summary>Describes the quota of the caller's requests, which every answer tells but those to a caller that is not known.</summary>
    /// <param name="policy">The name of the quota, which is what the caller is called.</param>
    /// <param name="setting">The setting of the quota.</param>
    public static TBuilder AnswersQuota<TBuilder>(this TBuilder endpoints, string policy, string setting)
        where TBuilder : IEndpointConventionBuilder
    {
        static bool IsSent(int status) => status is not (401 or 503);
        return endpoints.WithMetadata(
            new ApiHeader(
                "RateLimit",
                $"The {policy}'s request quota: `r` requests left, `t` seconds until the window ends. Not sent with wrong credentials.",
                $"^\"{policy}\";r=[0-9]+;t=[0-9]+$", IsSent),
            new ApiHeader(
                "RateLimit-Policy", $"That quota: `q` requests in `w` seconds ({setting}).", $"^\"{policy}\";q=[0-9]+;w=[0-9]+$", IsSent));
    }
}
