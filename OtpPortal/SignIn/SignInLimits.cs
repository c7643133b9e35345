using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Limits.Captcha;

namespace OtpPortal.SignIn;

/// <summary>Applies the limits per address and client, and the captcha, to sign-ins.</summary>
public sealed class SignInLimits(
    RateLimiter limiter, LimitSettings limits, SendLimits sends, LimitHits hits, CaptchaGuard captcha, SignInEvents events, AuditLog audit)
{
    /// <summary>Returns why a sign-in may not begin now, or null if it may. Counts known and unknown addresses alike.</summary>
    public async Task<BeginOutcome?> RefuseAsync(string email, ClientInfo client, Proof proof)
    {
        if (Record(limits.FailuresPerAddress, await limiter.PeekAsync(limits.FailuresPerAddress, email), email, client) is { } failures)
        {
            return new BeginOutcome.Limited(failures);
        }
        if (await CheckProofAsync(email, client, proof) is { } refused) return refused;
        return await TakeSendAsync(email, client) is { } wait ? new BeginOutcome.Limited(wait) : null;
    }

    /// <summary>Counts another message of an open sign-in. Returns the time to wait if it exceeds a limit, or null.</summary>
    public async Task<TimeSpan?> TakeResendAsync(string email, ClientInfo client)
    {
        if (await TakeSendAsync(email, client) is { } wait) return wait;
        // Counted without requiring a captcha: a sign-in sends few codes, and its page cannot show one.
        await captcha.CountAsync(email, client.LimitKey);
        return null;
    }

    /// <summary>
    /// Counts a wrong code. Affects only new sign-ins, so an attacker's wrong codes never end a user's open sign-in.
    /// </summary>
    public Task CountFailureAsync(string email) => limiter.TakeAsync(limits.FailuresPerAddress, email);

    /// <summary>Resets the count of wrong codes, because the user has proved access to the mailbox.</summary>
    public void ForgiveFailures(string email) => limiter.Reset(limits.FailuresPerAddress, email);

    private async Task<BeginOutcome?> CheckProofAsync(string email, ClientInfo client, Proof proof)
    {
        if (!await captcha.CountAsync(email, client.LimitKey)) return null;
        // Checked before the captcha, so that users do not solve one only to be refused.
        var wait = Record(limits.SendsPerIp, await limiter.PeekAsync(limits.SendsPerIp, client.LimitKey), email, client)
            ?? Record(limits.SendsPerAddress, await limiter.PeekAsync(limits.SendsPerAddress, email), email, client);
        if (wait is { } limited) return new BeginOutcome.Limited(limited);
        if (await captcha.CheckAsync(proof, email, client.Ip) is not ProofOutcome.Needed needed) return null;
        events.Measure("proof_needed");
        _ = audit.WriteLimitHitAsync("CAPTCHA_AFTER", limits.SendsPerIp.Window, client.LimitKey, email, client.Ip);
        return new BeginOutcome.ProofNeeded(needed.Wait, needed.Ticket, needed.Lack);
    }

    private async Task<TimeSpan?> TakeSendAsync(string email, ClientInfo client)
    {
        var wait = await sends.TakeAsync(email, client.Ip, client.LimitKey);
        if (wait is not null) events.Measure("limited");
        return wait;
    }

    private TimeSpan? Record(Limit limit, TimeSpan? wait, string email, ClientInfo client)
    {
        if (wait is null) return null;
        events.Measure("limited");
        hits.Record(limit, client.LimitKey, email, client.Ip);
        return wait;
    }
}
