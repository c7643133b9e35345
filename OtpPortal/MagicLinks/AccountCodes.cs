using OtpPortal.Auditing;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.MagicLinks;

/// <summary>A code that a service account requested.</summary>
/// <param name="Id">Public. Trying the code requires it and the account's key.</param>
public sealed record AccountCode(string Id, string Code, TimeSpan Lifetime)
{
    public override string ToString() => Id;
}

/// <summary>
/// Implements the codes of service accounts with the portal's one-time codes: attempts are limited, each code succeeds at most
/// once, and only HMACs are stored.
/// </summary>
public sealed class AccountCodes(CodeStore codes, MagicLinkSettings settings, Statistics statistics, TimeProvider time)
{
    // Maximum probability of guessing a code with all its attempts: 5 attempts at 6 digits are 1 in 200,000, but the API also
    // accepts codes of one digit.
    private const double SafeGuess = 1.0 / 200;

    public async Task<AccountCode> BeginAsync(ServiceAccount account, CodeRequest wish)
    {
        var id = ServiceAccounts.NewGuid().ToString();
        var code = CodeStore.NewCode(wish.Length, wish.Alphabet);
        var tries = (int)Math.Clamp(Math.Pow(wish.Alphabet.Length, wish.Length) * SafeGuess, 1, settings.MaxAttempts);
        var terms = new CodeOptions(wish.Lifetime, tries, MaxSends: 1, ResendCooldown: TimeSpan.Zero);
        await codes.BeginAsync(CodeStore.KeyOf(account.Realm, id), code, terms, CodeRecord.NoPayload);
        return new AccountCode(id, code, wish.Lifetime);
    }

    /// <summary>
    /// Verifies a code. Returns true at most once. Wrong, used, locked, expired, unknown and other accounts' codes are
    /// indistinguishable.
    /// </summary>
    public async Task<bool> TryAsync(ServiceAccount account, string id, string typed)
    {
        if (!ServiceAccounts.TryParseUuid(id, out var uuid)) return false;
        switch (await codes.TryAsync(CodeStore.KeyOf(account.Realm, uuid.ToString()), typed.Trim()))
        {
            case TryOutcome.Right(var record):
                statistics.CountVerified(time.GetUtcNow() - record.SentAt);
                return true;
            case TryOutcome.Wrong:
                statistics.Count(StatisticsEvent.Wrong);
                return false;
            default:
                return false;
        }
    }

    /// <summary>Removes a code whose message could not be sent.</summary>
    public Task WithdrawAsync(ServiceAccount account, string id) => codes.RemoveAsync(CodeStore.KeyOf(account.Realm, id));
}
