using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using OtpPortal.Auditing;
using OtpPortal.Http;
using OtpPortal.Limits;

namespace OtpPortal.Gateway;

/// <summary>
/// Authenticates a namespace by HTTP Basic (RFC 7617), protects secrets against guessing, and applies each namespace's quota.
/// </summary>
internal sealed class NamespaceHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    GatewaySettings settings,
    CallerGuard guard,
    LimitSettings limits,
    AuditLog audit) : SecretAuthenticationHandler(options, logger, encoder)
{
    /// <summary>The name of the scheme and of the policy that requires it.</summary>
    public const string SchemeName = "Namespace";

    private bool _isUnauthorized;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization;
        if (header.Count != 1 || !AuthenticationHeaderValue.TryParse(header[0], out var authorization)
            || !string.Equals(authorization.Scheme, "Basic", StringComparison.OrdinalIgnoreCase))
        {
            return Unauthorized("Missing Basic Authorization header.");
        }
        if (Decode(authorization.Parameter) is not { } pair) return Unauthorized("Invalid Base64 value in Basic Authorization header.");
        // The secret may contain colons, but the name may not (RFC 7617, 2).
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return Unauthorized("Invalid value in Basic Authorization header.");

        var owner = settings.Authenticate(pair[..colon], pair[(colon + 1)..]);
        switch (await guard.CheckAsync(Context, SecretKind.Namespace, "namespace", limits.RequestsPerNamespace, owner?.Name))
        {
            case CallerOutcome.Accepted:
                return Accept(new ClaimsIdentity([new Claim(ClaimTypes.Name, owner!.Name)], SchemeName));
            case CallerOutcome.OverQuota:
                return TooMany("Too many requests from this namespace.");
            case CallerOutcome.Limited(var wait):
                return TooMany("Too many wrong credentials from this address.", wait);
            default:
                audit.Write(AuditEvent.NamespaceRefused, null, ClientAddress.Of(Context), "wrong_secret");
                return Unauthorized("Invalid API credentials.");
        }
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (_isUnauthorized) Response.Headers.WWWAuthenticate = "Basic realm=\"OtpPortal gateway\", charset=\"UTF-8\"";
        return base.HandleChallengeAsync(properties);
    }

    private AuthenticateResult Unauthorized(string message)
    {
        _isUnauthorized = true;
        return Reject(StatusCodes.Status401Unauthorized, "unauthorized", message);
    }

    private static string? Decode(string? parameter)
    {
        var bytes = new byte[(parameter?.Length ?? 0) + 2];
        return Convert.TryFromBase64String(parameter ?? "", bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }
}
