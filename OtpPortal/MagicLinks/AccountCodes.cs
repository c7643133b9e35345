using OtpPortal.Auditing;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.MagicLinks;

/// <summary>A code that a service account asked for.</summary>
/// <param name="Id">Public; with it and the account's key the code can be tried.</param>
public sealed record AccountCode(string Id, string Code, TimeSpan Lifetime)
{
    public override string ToString() => Id;
}

/// <summary>
/// Codes of service accounts over the portal's one-time codes: tries are limited, one success each, and only HMACs are stored.
/// </summary>
public sealed class AccountCodes(CodeStore codes, MagicLinkSettings settings, Statistics statistics, TimeProvider time)
{
    // So unlikely shall a guess be, for as many tries as that leaves: 5 of 6 digits are 1 in 200,000, but the API also takes codes of one
    // digit.
    private const double SafeGuess = 1.0 / 200;

    public async Task<AccountCode> BeginAsync(ServiceAccount account, CodeWish wish)
    {
        var id = ServiceAccounts.NewGuid().ToString();
        var code = CodeStore.NewCode(wish.Length, wish.Alphabet);
        var tries = (int)Math.Clamp(Math.Pow(wish.Alphabet.Length, wish.Length) * SafeGuess, 1, settings.MaxAttempts);
        var terms = new CodeTerms(wish.Lifetime, tries, MaxSends: 1, ResendCooldown: TimeSpan.Zero);
        await codes.BeginAsync(CodeStore.KeyOf(account.Realm, id), code, terms, CodeRecord.NoPayload);
        return new AccountCode(id, code, wish.Lifetime);
    }

    /// <summary>True for the right code, once. Wrong, used, locked, over, another account's and unknown are one and the same.</summary>
    public async Task<bool> TryAsync(ServiceAccount account, string id, string typed)
    {
        if (!ServiceAccounts.TryParseUuid(id, out var uuid)) return false;
        switch (await codes.TryAsync(CodeStore.KeyOf(account.Realm, uuid.ToString()), typed.Trim()))
        {
            case TryOutcome.Right(var record):
                statistics.CountVerified(time.GetUtcNow() - record.SentAt);
                return true;
            case TryOutcome.Wrong:
                statistics.Count(Happening.Wrong);
                return false;
            default:
                return false;
        }
    }

    /// <summary>Ends a code whose message nobody took.</summary>
    public Task WithdrawAsync(ServiceAccount account, string id) => codes.RemoveAsync(CodeStore.KeyOf(account.Realm, id));
}
