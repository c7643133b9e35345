using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace OtpPortal.Sessions;

/// <summary>The identity of a signed-in user.</summary>
internal sealed class PortalIdentity(LiveToken token)
    : ClaimsIdentity([new Claim(ClaimTypes.Email, token.Email)], PortalTokenHandler.SchemeName, ClaimTypes.Email, null)
{
    public LiveToken Token => token;
}

/// <summary>
/// Authenticates a user by the token in the cookie or the <c>Authorization</c> header. It slides the session and never rotates the token.
/// </summary>
internal sealed class PortalTokenHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, TokenStore tokens, TokenCookie cookie)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    /// <summary>The name of the scheme and of the policy that requires it.</summary>
    public const string SchemeName = "Portal";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync() =>
        await BearerToken.UseAsync(Request, cookie, tokens.UseAsync) is { } token
            ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new PortalIdentity(token)), SchemeName))
            : AuthenticateResult.NoResult();

    // The response of /check-auth.
    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = StatusCodes.Status403Forbidden;
        Response.Headers.CacheControl = "no-store";
        Response.ContentType = "text/plain; charset=utf-8";
        return Response.WriteAsync("Forbidden", Context.RequestAborted);
    }
}
