using OtpPortal.Http;

namespace OtpPortal.Sessions;

/// <summary>
/// <c>GET /forward-auth</c>: tells a proxy whether the user is signed in, for each request to an app (nginx
/// <c>auth_request</c>, Caddy <c>forward_auth</c>, Traefik ForwardAuth). Slides the session but never rotates the token, so no
/// cookie has to be returned.
/// </summary>
internal sealed class ForwardAuth(TokenStore store, TokenCookie cookie, PortalSettings portal)
{
    public async Task AnswerAsync(HttpContext context)
    {
        var response = context.Response;
        response.Headers.CacheControl = "no-store";
        // Only the token counts: a client can forge the Remote-User header of its own request.
        if (await BearerToken.UseAsync(context.Request, cookie, store.UseAsync) is { } token)
        {
            IdentityHeaders.Write(response, token.Email);
            return;
        }

        if (TargetOf(context) is { } target)
        {
            response.StatusCode = StatusCodes.Status302Found;
            response.Headers.Location = $"{portal.Origin}/?return_to={Uri.EscapeDataString(target)}";
            return;
        }
        response.Headers.WWWAuthenticate = "Bearer";
        await TypedResults.Text("Unauthorized", statusCode: StatusCodes.Status401Unauthorized).ExecuteAsync(context);
    }

    // The page to return to. Only navigations have one: a redirected script or form submission loses its body.
    private string? TargetOf(HttpContext context)
    {
        var request = context.Request;
        if (request.Query["redirect"] == "never" || !IsNavigation(request) || !portal.TrustsProxy(ForwardedAddresses.PeerOf(context)))
            return null;
        var target = AddressOf(request);
        return portal.Redirects.Allows(target) ? target : null;
    }

    // nginx sends the full address, other proxies send its parts. A proxy passes through the variant that it does not write, so
    // if both are present and differ, one of them is from the client.
    private static string? AddressOf(HttpRequest request)
    {
        var original = request.Headers["X-Original-URL"];
        if (original.Count == 0) return FromParts(request);
        return original is [{ Length: > 0 } url] && (request.Headers["X-Forwarded-Uri"].Count == 0 || url == FromParts(request))
            ? url : null;
    }

    private static bool IsNavigation(HttpRequest request)
    {
        var method = request.Headers["X-Forwarded-Method"].ToString() is { Length: > 0 } forwarded ? forwarded
            : request.Headers["X-Original-Method"].ToString() is { Length: > 0 } original ? original
            : request.Method;
        var mode = request.Headers["Sec-Fetch-Mode"].ToString();
        return (HttpMethods.IsGet(method) || HttpMethods.IsHead(method))
            && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
            && !string.Equals(request.Headers.XRequestedWith.ToString(), "XMLHttpRequest", StringComparison.OrdinalIgnoreCase)
            && (mode.Length == 0 || mode == "navigate")
            && !request.Headers.ContainsKey("Sec-WebSocket-Key");
    }

    // Multiple values or lists contain values that the client added, so they are not used.
    private static string? FromParts(HttpRequest request)
    {
        if (request.Headers["X-Forwarded-Host"] is not [{ Length: > 0 } host]) return null;
        var scheme = ForwardedAddresses.SchemeOf(request.HttpContext);
        var path = request.Headers["X-Forwarded-Uri"] switch
        {
            [] => "/",
            [{ Length: > 0 } uri] when uri[0] == '/' => uri,
            _ => null,
        };
        return scheme is null || path is null ? null : $"{scheme}://{host}{path}";
    }
}
