using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>Whether a request comes from a service account.</summary>
public abstract record AccountAdmission
{
    private AccountAdmission() { }

    public sealed record Admitted(ServiceAccount Account) : AccountAdmission;

    /// <summary>Too many requests of this account. When to come back is in the answer's headers already.</summary>
    public sealed record OverQuota : AccountAdmission;

    /// <summary>The key is missing, malformed or unknown.</summary>
    public sealed record Refused : AccountAdmission;

    /// <summary>Too many unknown keys from this client: not even a right one counts before the wait is over.</summary>
    public sealed record Limited(TimeSpan Wait) : AccountAdmission;
}

/// <summary>Reads the key of a service account, and keeps clients from guessing one.</summary>
public sealed class AccountGuard(ServiceAccounts accounts, CallerGuard guard, LimitSettings limits, AuditLog audit)
{
    internal const string Header = "X-API-KEY";

    public async Task<AccountAdmission> JudgeAsync(HttpContext context)
    {
        if (context.Request.Headers[Header] is not [{ } sent]) return new AccountAdmission.Refused();
        // First: a UUID as a URN has colons, which keys do not have.
        var key = ServiceAccounts.Canonical(sent);
        if (!ServiceAccounts.IsKey(key)) return new AccountAdmission.Refused();
        var account = await accounts.FindAsync(key);
        switch (await guard.JudgeAsync(context, SecretKind.ServiceAccount, "account", limits.RequestsPerAccount, account?.Id.ToString()))
        {
            case CallerOutcome.Accepted:
                return new AccountAdmission.Admitted(account!);
            case CallerOutcome.OverQuota:
                return new AccountAdmission.OverQuota();
            case CallerOutcome.Limited(var wait):
                return new AccountAdmission.Limited(wait);
            default:
                audit.Write(AuditEvent.AccountRefused, null, ClientAddress.Of(context), "unknown_key");
                return new AccountAdmission.Refused();
        }
    }
}
