using Microsoft.AspNetCore.Http.Features;

namespace OtpPortal.Gateway;

/// <summary>The id of a verification: 6 to 200 printable characters, percent-encoded in paths.</summary>
internal static class VerificationId
{
    public const string Rule = "Invalid `id`: must be 6 to 200 printable characters, percent-encoded in the path.";

    public static bool IsValid(string id) => PrintableText.Is(id, 6, 200);

    /// <summary>
    /// Gets the id from the path of a request to <c>/api/otp/{id}</c> or <c>/otp/{namespace}/{id}</c>; null when it is not valid.
    /// </summary>
    public static string? Of(HttpContext context)
    {
        if (context.GetRouteValue("id") is not string id) return null;
        if (id.Contains("%2F", StringComparison.OrdinalIgnoreCase))
        {
            // The server decodes everything in a path but %2F. Only the raw target tells a slash from a "%2F" in the id itself.
            var segments = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0].Split('/');
            var raw = segments.Length > 3 ? Uri.UnescapeDataString(segments[3]) : "";
            // Different paths: the server has removed dot segments, or the target is an absolute address.
            if (Fold(raw) != Fold(id)) return null;
            id = raw;
        }
        return IsValid(id) ? id : null;
    }

    /// <summary>The path of the hosted page.</summary>
    public static string PageOf(string owner, string id) => $"/otp/{Uri.EscapeDataString(owner)}/{Uri.EscapeDataString(id)}";

    private static string Fold(string id) => id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
