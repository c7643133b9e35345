using System.Globalization;
using System.Text.Json.Serialization;

namespace OtpPortal.Http;

/// <summary>Writes errors for API clients: <c>{"error":"code","message":"…"}</c>.</summary>
public static class Problem
{
    public static Task WriteAsync(HttpContext context, int status, string error, string message)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new ProblemBody(error, message), context.RequestAborted);
    }

    /// <summary>Returns the error as the result of an endpoint.</summary>
    public static IResult Result(int status, string error, string message) =>
        TypedResults.Json(new ProblemBody(error, message), statusCode: status);

    /// <summary>
    /// Returns a Retry-After value: whole seconds, rounded up, so that a client that waits this long is not rejected again.
    /// </summary>
    public static string Seconds(TimeSpan wait) =>
        Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    /// <summary>Returns whether the client accepts JSON and not HTML.</summary>
    public static bool WantsJson(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        return accept.Contains("application/json", StringComparison.OrdinalIgnoreCase)
            && !accept.Contains("text/html", StringComparison.OrdinalIgnoreCase);
    }

    internal sealed record ProblemBody(
        [property: JsonPropertyName("error")] string Error, [property: JsonPropertyName("message")] string Message);
}
