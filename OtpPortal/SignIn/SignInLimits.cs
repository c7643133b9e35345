using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Limits.Captcha;

namespace OtpPortal.SignIn;

/// <summary>Decides whether a sign-in may begin or send: limits per address and client, and the captcha.</summary>
public sealed class SignInLimits(
    RateLimiter limiter, LimitSettings limits, SendLimits sends, LimitHits hits, CaptchaGuard captcha, SignInEvents events, AuditLog audit)
{
    /// <summary>Returns why no sign-in may begin now, or null. Counts every address alike, known or not.</summary>
    public async Task<BeginOutcome?> RefuseAsync(string email, Visitor visitor, Proof proof)
    {
        if (Note(limits.FailuresPerAddress, await limiter.PeekAsync(limits.FailuresPerAddress, email), email, visitor) is { } failures)
        {
            return new BeginOutcome.Limited(failures);
        }
        if (await ProveAsync(email, visitor, proof) is { } refused) return refused;
        return await TakeSendAsync(email, visitor) is { } wait ? new BeginOutcome.Limited(wait) : null;
    }

    /// <summary>Takes another message of an open sign-in from the limits. Returns how long to wait past a limit, else null.</summary>
    public async Task<TimeSpan?> TakeResendAsync(string email, Visitor visitor)
    {
        if (await TakeSendAsync(email, visitor) is { } wait) return wait;
        // Counted without asking for a captcha: a sign-in sends few codes, and its page has no place for one.
        await captcha.CountAsync(email, visitor.LimitKey);
        return null;
    }

    /// <summary>Counts a wrong code. It affects only new sign-ins: another client's wrong codes never end an open one.</summary>
    public Task CountFailureAsync(string email) => limiter.TakeAsync(limits.FailuresPerAddress, email);

    /// <summary>Forgets wrong codes: the user has the mailbox.</summary>
    public void ForgiveFailures(string email) => limiter.Reset(limits.FailuresPerAddress, email);

    private async Task<BeginOutcome?> ProveAsync(string email, Visitor visitor, Proof proof)
    {
        if (!await captcha.CountAsync(email, visitor.LimitKey)) return null;
        // Nobody solves a captcha only to read that there is nothing to be had now.
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
