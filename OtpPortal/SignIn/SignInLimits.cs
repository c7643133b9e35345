using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Limits.Captcha;

namespace OtpPortal.SignIn;

/// <summary>Applies the limits per address and client, and the captcha, to sign-ins.</summary>
public sealed class SignInLimits(
    RateLimiter limiter, LimitSettings limits, SendLimits sends, LimitHits hits, CaptchaGuard captcha, SignInEvents events, AuditLog audit)
{
    /// <summary>Returns why a sign-in may not begin now, or null if it may. Counts known and unknown addresses alike.</summary>
    public async Task<BeginOutcome?> RefuseAsync(string email, Visitor visitor, Proof proof)
    {
        if (Note(limits.FailuresPerAddress, await limiter.PeekAsync(limits.FailuresPerAddress, email), email, visitor) is { } failures)
        {
            return new BeginOutcome.Limited(failures);
        }
        if (await ProveAsync(email, visitor, proof) is { } refused) return refused;
        return await TakeSendAsync(email, visitor) is { } wait ? new BeginOutcome.Limited(wait) : null;
    }

    /// <summary>Counts another message of an open sign-in. Returns the time to wait if it exceeds a limit, or null.</summary>
    public async Task<TimeSpan?> TakeResendAsync(string email, Visitor visitor)
    {
        if (await TakeSendAsync(email, visitor) is { } wait) return wait;
        // Counted without requiring a captcha: a sign-in sends few codes, and its page cannot show one.
        await captcha.CountAsync(email, visitor.LimitKey);
        return null;
    }

    /// <summary>
    /// Counts a wrong code. Affects only new sign-ins, so an attacker's wrong codes never end a user's open sign-in.
    /// </summary>
    public Task CountFailureAsync(string email) => limiter.TakeAsync(limits.FailuresPerAddress, email);

    /// <summary>Resets the count of wrong codes, because the user has proved access to the mailbox.</summary>
    public void ForgiveFailures(string email) => limiter.Reset(limits.FailuresPerAddress, email);

    private async Task<BeginOutcome?> ProveAsync(string email, Visitor visitor, Proof proof)
    {
        if (!await captcha.CountAsync(email, visitor.LimitKey)) return null;
        // Checked before the captcha, so that users do not solve one only to be refused.
        var wait = Note(limits.SendsPerIp, await limiter.PeekAsync(limits.SendsPerIp, visitor.LimitKey), email, visitor)
            ?? Note(limits.SendsPerAddress, await limiter.PeekAsync(limits.SendsPerAddress, email), email, visitor);
        if (wait is { } limited) return new BeginOutcome.Limited(limited);
        if (await captcha.JudgeAsync(proof, email, visitor.Ip) is not ProofOutcome.Needed needed) return null;
        events.Measure("proof_needed");
        _ = audit.WriteLimitHitAsync("CAPTCHA_AFTER", limits.SendsPerIp.Window, visitor.LimitKey, email, visitor.Ip);
        return new BeginOutcome.ProofNeeded(needed.Wait, needed.Ticket, needed.Lack);
    }

    private async Task<TimeSpan?> TakeSendAsync(string email, Visitor visitor)
    {
        var wait = await sends.TakeAsync(email, visitor.Ip, visitor.LimitKey);
        if (wait is not null) events.Measure("limited");
        return wait;
    }

    private TimeSpan? Note(Limit limit, TimeSpan? wait, string email, Visitor visitor)
    {
        if (wait is null) return null;
        events.Measure("limited");
        hits.Note(limit, visitor.LimitKey, email, visitor.Ip);
        return wait;
    }
}
