using System.Globalization;
using System.Text.Json;

namespace OtpPortal.Http;

/// <summary>Errors for programs: <c>{"error":"code","message":"…"}</c>.</summary>
public static class Problem
{
    public static Task WriteAsync(HttpContext context, int status, string error, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.WriteAsync(JsonSerializer.Serialize(new Dictionary<string, string>(StringComparer.Ordinal) { ["error"] = error, ["message"] = message }), context.RequestAborted);
    }

    /// <summary>A Retry-After value: whole seconds, rounded up, so that who waits as told is not refused again.</summary>
    public static string Seconds(TimeSpan wait) => Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    /// <summary>True for clients that ask for JSON and not for a page.</summary>
    public static bool WantsJson(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        return accept.Contains("application/json", StringComparison.OrdinalIgnoreCase) && !accept.Contains("text/html", StringComparison.OrdinalIgnoreCase);
    }
}
