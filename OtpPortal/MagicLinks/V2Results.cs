using System.Text.Json.Serialization.Metadata;

namespace OtpPortal.MagicLinks;

/// <summary>The answers of the API in magiclinksdev's envelope.</summary>
internal static class V2Results
{
    private const string ContentType = "application/json";

    public static IResult Created<T>(T answer, JsonTypeInfo<T> type) =>
        TypedResults.Json(answer, type, ContentType, StatusCodes.Status201Created);

    public static IResult Ok<T>(T answer, JsonTypeInfo<T> type) => TypedResults.Json(answer, type, ContentType);

    public static IResult Failure(HttpContext context, int status, string message) =>
        TypedResults.Json(new V2Json.Failure(status, message, MetadataOf(context)), V2Json.Json.Failure, ContentType, status);

    /// <summary>Writes an error that arises before an endpoint runs, or outside of it.</summary>
    public static Task WriteAsync(HttpContext context, int status, string message) => Failure(context, status, status switch
    {
        StatusCodes.Status404NotFound => "Not found. Check the URL.",
        StatusCodes.Status405MethodNotAllowed => $"Method not allowed. Allowed: {context.Response.Headers.Allow}.",
        StatusCodes.Status413PayloadTooLarge => $"The request must be at most {MagicLinkEndpoints.MaxBody / 1024} KB.",
        StatusCodes.Status503ServiceUnavailable => "Unable to reach store.",
        _ => message,
    }).ExecuteAsync(context);

    /// <summary>Gets the id of the request, which the log has as well.</summary>
    public static V2Json.Metadata MetadataOf(HttpContext context)
    {
        if (context.Items[typeof(V2Json.Metadata)] is not V2Json.Metadata metadata)
            context.Items[typeof(V2Json.Metadata)] = metadata = new V2Json.Metadata(Guid.NewGuid());
        return metadata;
    }
}
