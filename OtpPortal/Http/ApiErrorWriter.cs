namespace OtpPortal.Http;

/// <summary>Writes the errors of an API in its own envelope, including those that arise before its endpoints run.</summary>
/// <param name="Root">The path prefix of the API.</param>
/// <param name="WriteAsync">Writes the body of an error: its status, and a sentence that says what is wrong.</param>
/// <param name="Body">The type of that body.</param>
public sealed record ApiErrorWriter(PathString Root, Func<HttpContext, int, string, Task> WriteAsync, Type Body)
{
    /// <summary>Writes an error as the API of the request's path does; elsewhere as <c>{"error":"…","message":"…"}</c>.</summary>
    /// <param name="error">The code of the error, where the envelope has one.</param>
    /// <param name="retryAfter">When to try again, for 429 and 503.</param>
    public static Task WriteErrorAsync(HttpContext context, int status, string error, string message, TimeSpan? retryAfter = null)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        if (retryAfter is { } wait) context.Response.Headers.RetryAfter = Problem.Seconds(wait);
        return Find(context) is { } api ? api.WriteAsync(context, status, message) : Problem.WriteAsync(context, status, error, message);
    }

    // An API with an endpoint outside of its prefix names its writer in the endpoint's metadata.
    internal static ApiErrorWriter? Find(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<ApiErrorWriter>()
        ?? context.RequestServices.GetServices<ApiErrorWriter>()
            .FirstOrDefault(api => context.Request.Path.StartsWithSegments(api.Root, StringComparison.OrdinalIgnoreCase));
}
