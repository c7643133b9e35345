namespace OtpPortal.Http;

/// <summary>The text of a plain-text response.</summary>
internal sealed record ApiText(int Status, string Text);

/// <summary>A header of the responses whose status <paramref name="IsSent"/> selects.</summary>
/// <param name="Pattern">The regular expression of its values; null for any value.</param>
/// <param name="IsRequired">Whether all of these responses have it; some responses with 429 do not.</param>
internal sealed record ApiHeader(string Name, string Description, string? Pattern, Func<int, bool> IsSent, bool IsRequired = true);

/// <summary>
/// A request body that the endpoint reads itself. Unlike the framework's <c>Accepts</c>, it adds no constraint.
/// </summary>
internal sealed record ApiBody(Type Type, IReadOnlyList<string> ContentTypes);

/// <summary>A path parameter that the endpoint reads itself.</summary>
internal sealed record ApiPathParameter(string Name, string Description);

/// <summary>The authentication scheme of an endpoint without authorization metadata.</summary>
internal sealed record ApiCaller(string Scheme);

/// <summary>
/// Describes endpoints for the OpenAPI documents. The last description of a status applies, so an endpoint overrides its group.
/// </summary>
internal static class ApiConventions
{
    public const string PortalDocument = "portal";

    public static readonly string[] Form = ["application/x-www-form-urlencoded", "multipart/form-data"];

    /// <summary>Sets an operation's name and summary.</summary>
    public static TBuilder Describe<TBuilder>(this TBuilder endpoint, string name, string summary, string? description = null)
        where TBuilder : IEndpointConventionBuilder
    {
        endpoint.WithName(name).WithSummary(summary);
        return description is null ? endpoint : endpoint.WithDescription(description);
    }

    /// <summary>
    /// Describes a response. Without a JSON type, an error has the API's own envelope, and any other response has no body.
    /// </summary>
    public static TBuilder Answers<TBuilder>(this TBuilder endpoints, int status, string description, Type? body = null)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithMetadata(
            new ProducesResponseTypeMetadata(status, body, body is null ? null : ["application/json"]) { Description = description });

    /// <summary>Describes a plain-text response.</summary>
    public static TBuilder AnswersText<TBuilder>(this TBuilder endpoints, int status, string description, string text)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithMetadata(
            new ProducesResponseTypeMetadata(status, typeof(string), ["text/plain"]) { Description = description },
            new ApiText(status, text));

    /// <summary>Describes a header of the responses with these statuses.</summary>
    public static TBuilder AnswersHeader<TBuilder>(this TBuilder endpoints, string name, string description, params int[] statuses)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithMetadata(new ApiHeader(name, description, null, statuses.Contains));

    /// <summary>Describes the JSON body that the endpoint reads.</summary>
    public static TBuilder TakesJson<TBuilder>(this TBuilder endpoint, Type type)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new ApiBody(type, ["application/json"]));

    /// <summary>Describes the form that the endpoint reads.</summary>
    public static TBuilder TakesForm<TBuilder>(this TBuilder endpoint, Type type)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new ApiBody(type, Form));

    /// <summary>
    /// Adds the endpoints to an OpenAPI document, with the response that all APIs share: 503 while the store is unavailable.
    /// </summary>
    public static TBuilder InDocument<TBuilder>(this TBuilder endpoints, string document, string tag)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithGroupName(document).WithTags(tag)
            .Answers(503, "The store is unavailable. Try again after Retry-After.")
            .AnswersHeader("Retry-After", "Seconds to wait before trying again.", 429, 503);

    /// <summary>Adds the endpoints to the document of the portal's own API.</summary>
    public static TBuilder InPortalDocument<TBuilder>(this TBuilder endpoints, string tag)
        where TBuilder : IEndpointConventionBuilder => endpoints.InDocument(PortalDocument, tag);

    /// <summary>Describes the quota headers, which all responses to authenticated callers have.</summary>
    /// <param name="policy">The name of the quota: the kind of caller.</param>
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
