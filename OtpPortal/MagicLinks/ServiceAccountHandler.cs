using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using OtpPortal.Auditing;
using OtpPortal.Http;
using OtpPortal.Limits;

namespace OtpPortal.MagicLinks;

/// <summary>The identity of a service account.</summary>
internal sealed class ServiceAccountIdentity(ServiceAccount account) : ClaimsIdentity(ServiceAccountHandler.SchemeName)
{
    public ServiceAccount Account => account;
}

/// <summary>
/// Authenticates a service account by its API key, protects keys against guessing, and applies each account's quota.
/// </summary>
internal sealed class ServiceAccountHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    ServiceAccounts accounts,
    CallerGuard guard,
    LimitSettings limits,
    AuditLog audit) : SecretAuthenticationHandler(options, logger, encoder)
{
    /// <summary>The name of the scheme and of the policy that requires it.</summary>
    public const string SchemeName = "ServiceAccount";

    public const string Header = "X-API-KEY";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers[Header] is not [{ } sent]) return Unauthorized();
        // First, because the URN form of a UUID contains colons, which keys may not.
        var key = ServiceAccounts.Canonical(sent);
        if (!ServiceAccounts.IsKey(key)) return Unauthorized();
        var account = await accounts.FindAsync(key);
        switch (await guard.CheckAsync(Context, SecretKind.ServiceAccount, "account", limits.RequestsPerAccount, account?.Id.ToString()))
        {
            case CallerOutcome.Accepted:
                return Accept(new ServiceAccountIdentity(account!));
            case CallerOutcome.OverQuota:
                return TooMany("Too many requests from this service account.");
            case CallerOutcome.Limited(var wait):
                return TooMany("Too many unknown API keys from this address.", wait);
            default:
                audit.Write(AuditEvent.AccountRefused, null, ClientAddress.Of(Context), "unknown_key");
                return Unauthorized();
        }
    }

    private AuthenticateResult Unauthorized() =>
        Reject(StatusCodes.Status401Unauthorized, "unauthorized", $"Send a valid API key in the {Header} header.");
}
