namespace OtpPortal.Limits.Captcha;

/// <summary>What somebody brings along to show that they are no program that writes to everybody.</summary>
/// <param name="Response">The answer of the captcha's widget.</param>
/// <param name="Ticket">The waiting ticket of the page before.</param>
public sealed record Proof(string? Response, string? Ticket)
{
    public static Proof None { get; } = new(null, null);
}

/// <summary>Why a proof is asked for.</summary>
public enum ProofLack
{
    /// <summary>None was brought.</summary>
    Missing,

    /// <summary>The captcha's answer was wrong, used before, or too old.</summary>
    Wrong,

    /// <summary>The wait has begun and is not over.</summary>
    TooEarly,

    /// <summary>The captcha service cannot be asked: only waiting helps.</summary>
    ServiceAway,
}

/// <summary>What a proof is worth.</summary>
public abstract record ProofOutcome
{
    private ProofOutcome() { }

    public sealed record Accepted : ProofOutcome;

    /// <summary>Not enough: a right answer of the captcha, or the ticket after the wait, will do.</summary>
    public sealed record Needed(TimeSpan Wait, string Ticket, ProofLack Lack) : ProofOutcome;
}

/// <summary>Asks for a proof once an address or a network has had its first codes, if a captcha service is configured.</summary>
public sealed class CaptchaGuard(RateLimiter limiter, CaptchaVerifier verifier, WaitingTickets tickets, CaptchaSettings settings)
{
    /// <summary>
    /// Counts a send; true when it needs a proof first. Counting and asking are one step, so that many at once do not all slip through;
    /// what needs a proof is not counted, and an address's count not moved by networks that have to prove themselves.
    /// </summary>
    public async Task<bool> CountAsync(string address, string network) =>
        settings.Service is not null
        && (await limiter.TakeAsync(settings.SendsPerNetwork, network) is not null
            || await limiter.TakeAsync(settings.SendsPerAddress, address) is not null);

    /// <summary>Judges a proof: the wait first, because it costs the captcha service no request and tells it nothing.</summary>
    public async Task<ProofOutcome> JudgeAsync(Proof proof, string address, string ip)
    {
        var left = await tickets.UseAsync(proof.Ticket, address);
        if (left == TimeSpan.Zero) return new ProofOutcome.Accepted();

        var lack = left is null ? ProofLack.Missing : ProofLack.TooEarly;
        if (!string.IsNullOrWhiteSpace(proof.Response))
        {
            var verdict = await verifier.VerifyAsync(proof.Response, ip);
            if (verdict == CaptchaVerdict.Right || (verdict == CaptchaVerdict.Away && settings.FailsOpen))
                return new ProofOutcome.Accepted();
            lack = verdict == CaptchaVerdict.Away ? ProofLack.ServiceAway : ProofLack.Wrong;
        }
        // A wait that has begun goes on: trying meanwhile does not restart it.
        return left is { } rest
            ? new ProofOutcome.Needed(rest, proof.Ticket!, lack)
            : new ProofOutcome.Needed(WaitingTickets.Wait, tickets.Issue(address), lack);
    }
}
