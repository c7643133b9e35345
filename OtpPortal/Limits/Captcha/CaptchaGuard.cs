namespace OtpPortal.Limits.Captcha;

/// <summary>A client's proof that it is not a bot.</summary>
/// <param name="Response">The response of the captcha widget.</param>
/// <param name="Ticket">The waiting ticket from the previous page.</param>
public sealed record Proof(string? Response, string? Ticket)
{
    public static Proof None { get; } = new(null, null);
}

/// <summary>Why a proof is required.</summary>
public enum ProofFailureReason
{
    /// <summary>The request contained no proof.</summary>
    Missing,

    /// <summary>The captcha response was wrong, already used, or expired.</summary>
    Wrong,

    /// <summary>The waiting time has not passed yet.</summary>
    TooEarly,

    /// <summary>The captcha service is unavailable; only the waiting ticket is accepted.</summary>
    ServiceAway,
}

/// <summary>The outcome of checking a proof.</summary>
public abstract record ProofOutcome
{
    private ProofOutcome() { }

    public sealed record Accepted : ProofOutcome;

    /// <summary>The proof is insufficient: a correct captcha response, or the ticket after the wait, is required.</summary>
    public sealed record Needed(TimeSpan Wait, string Ticket, ProofFailureReason Lack) : ProofOutcome;
}

/// <summary>
/// Requires a proof once an address or a network has exceeded its free codes, if a captcha service is configured.
/// </summary>
public sealed class CaptchaGuard(RateLimiter limiter, CaptchaVerifier verifier, WaitingTickets tickets, CaptchaSettings settings)
{
    /// <summary>
    /// Counts a message. Returns true if it requires a proof first. Counting and checking are one step, so parallel requests
    /// cannot exceed the limit. A message that requires a proof is not counted, and a network that must prove itself does not
    /// use up an address's count.
    /// </summary>
    public async Task<bool> CountAsync(string address, string network) =>
        settings.Service is not null
        && (await limiter.TakeAsync(settings.SendsPerNetwork, network) is not null
            || await limiter.TakeAsync(settings.SendsPerAddress, address) is not null);

    /// <summary>
    /// Checks a proof. The wait is checked first: it takes no request, and discloses nothing to the captcha service.
    /// </summary>
    public async Task<ProofOutcome> CheckAsync(Proof proof, string address, string ip)
    {
        var left = await tickets.UseAsync(proof.Ticket, address);
        if (left == TimeSpan.Zero) return new ProofOutcome.Accepted();

        var lack = left is null ? ProofFailureReason.Missing : ProofFailureReason.TooEarly;
        if (!string.IsNullOrWhiteSpace(proof.Response))
        {
            var verdict = await verifier.VerifyAsync(proof.Response, ip);
            if (verdict == CaptchaVerdict.Right || (verdict == CaptchaVerdict.Away && settings.FailsOpen))
                return new ProofOutcome.Accepted();
            lack = verdict == CaptchaVerdict.Away ? ProofFailureReason.ServiceAway : ProofFailureReason.Wrong;
        }
        // A pending wait continues: trying again does not restart it.
        return left is { } rest
            ? new ProofOutcome.Needed(rest, proof.Ticket!, lack)
            : new ProofOutcome.Needed(WaitingTickets.Wait, tickets.Issue(address), lack);
    }
}
