using Microsoft.Net.Http.Headers;

namespace OtpPortal.Http;

/// <summary>Reads cookies that identify the user.</summary>
/// <remarks>
/// Any host of the same domain can set a cookie of the same name for all of them (RFC 6265, 8.6), and browsers send it too. The
/// framework's collection keeps only the last one and ignores case, so such a host could sign the user out.
/// </remarks>
internal static class CookieHeader
{
    // A browser sends one value for each domain and path that matches. Each value costs a look-up, so the number is limited.
    private const int MaxValues = 10;

    /// <summary>Gets the values of a cookie in the order in which they were sent. Names are case-sensitive; values stay encoded.</summary>
    public static IReadOnlyList<string> ValuesOf(HttpRequest request, string name) =>
        CookieHeaderValue.TryParseList(request.Headers.Cookie, out var cookies)
            ? [.. cookies.Where(cookie => cookie.Name.Equals(name, StringComparison.Ordinal))
                .Select(cookie => cookie.Value.ToString()).Distinct(StringComparer.Ordinal).Take(MaxValues)]
            : [];
}
