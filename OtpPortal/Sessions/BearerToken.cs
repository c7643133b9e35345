namespace OtpPortal.Sessions;

/// <summary>Reads a user's token or the operator's key from a request's credentials.</summary>
internal static class BearerToken
{
    /// <summary>
    /// Validates a request's token: the bearer token (RFC 6750) if present, else a live token after any other scheme, else the
    /// cookie's. Clients of the Flask portal use other schemes, because it ignored the scheme. Returns null if there is no live
    /// token.
    /// </summary>
    public static async Task<LiveToken?> UseAsync(HttpRequest request, TokenCookie cookie, Func<string?, Task<LiveToken?>> use)
    {
        var (scheme, credentials) = Credentials(request);
        if (credentials.Length > 0 && await use(credentials) is { } token) return token;
        return scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) ? null : await cookie.UseAsync(request, use);
    }

    /// <summary>Gets the two parts of the <c>Authorization</c> header; both are empty if it does not have two.</summary>
    public static (string Scheme, string Value) Credentials(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        var blank = header.IndexOf(' ', StringComparison.Ordinal);
        return blank < 0 ? ("", "") : (header[..blank], header[blank..].Trim());
    }
}
