namespace OtpPortal.Http;

/// <summary>Writes the errors of an API in its own envelope, including those that arise before its endpoints run.</summary>
/// <param name="Root">The path prefix of the API.</param>
/// <param name="WriteAsync">Writes the body of an error from its status and message.</param>
/// <param name="Body">The type of that body.</param>
public sealed record ApiErrorWriter(PathString Root, Func<HttpContext, int, string, Task> WriteAsync, Type Body)
{
    /// <summary>
    /// Writes an error in the envelope of the request's API, or as <c>{"error":"…","message":"…"}</c> outside of the APIs.
    /// </summary>
    /// <param name="error">The error code, if the envelope has one.</param>
    /// <param name="retryAfter">The value of Retry-After, for 429 and 503.</param>
    public static Task WriteErrorAsync(HttpContext context, int status, string error, string message, TimeSpan? retryAfter = null)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        if (retryAfter is { } wait) context.Response.Headers.RetryAfter = Problem.Seconds(wait);
        return Find(context) is { } api ? api.WriteAsync(context, status, message) : Problem.WriteAsync(context, status, error, message);
    }

    // An API with an endpoint outside its path prefix names its writer in the endpoint's metadata.
    internal static ApiErrorWriter? Find(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<ApiErrorWriter>()
        ?? context.RequestServices.GetServices<ApiErrorWriter>()
            .FirstOrDefault(api => context.Request.Path.StartsWithSegments(api.Root, StringComparison.OrdinalIgnoreCase));
}
