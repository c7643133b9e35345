using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using OtpPortal.Http;

namespace OtpPortal.Limits;

/// <summary>
/// Authenticates API clients by a secret in each request. Includes the limits on guessing, so that no endpoint can omit them.
/// </summary>
public abstract class SecretAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    private (int Status, string Error, string Message, TimeSpan? RetryAfter) _rejection;

    /// <summary>Accepts the request of an authenticated caller.</summary>
    protected AuthenticateResult Accept(ClaimsIdentity identity) =>
        AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));

    /// <summary>Rejects the request. The challenge responds with this error.</summary>
    protected AuthenticateResult Reject(int status, string error, string message, TimeSpan? retryAfter = null)
    {
        _rejection = (status, error, message, retryAfter);
        return AuthenticateResult.Fail(message);
    }

    protected AuthenticateResult TooMany(string message, TimeSpan? retryAfter = null) =>
        Reject(StatusCodes.Status429TooManyRequests, "too_many_requests", message, retryAfter);

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        ApiErrorWriter.WriteErrorAsync(Context, _rejection.Status, _rejection.Error, _rejection.Message, _rejection.RetryAfter);
}
