using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using OtpPortal.Auditing;
using OtpPortal.Http;
using OtpPortal.Limits;
using OtpPortal.Security;

namespace OtpPortal.Sessions;

/// <summary>Authenticates the operator by <c>Authorization: Bearer AUTH_SECRET_KEY</c>.</summary>
internal sealed class OperatorKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AuthSecret secret, SecretGuard guard,
    AuditLog audit)
    : SecretAuthenticationHandler(options, logger, encoder)
{
    /// <summary>The name of the scheme and of the policy that requires it.</summary>
    public const string SchemeName = "OperatorKey";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var matches = secret.Matches(BearerToken.Credentials(Request).Value);
        switch (await guard.CheckAsync(SecretKind.OperatorKey, matches, ClientAddress.LimitKey(Context)))
        {
            case SecretOutcome.Accepted:
                return Accept(new ClaimsIdentity(SchemeName));
            case SecretOutcome.Limited(var wait):
                return TooMany("Too many wrong keys from this client.", wait);
            default:
                audit.Write(AuditEvent.AdminRefused, null, ClientAddress.Of(Context), "wrong_key");
                return Reject(StatusCodes.Status403Forbidden, "forbidden", "Send Authorization: Bearer AUTH_SECRET_KEY.");
        }
    }
}
