using OtpPortal.Journal;

namespace OtpPortal.Limits;

/// <summary>How often people are written to, whoever has it done. What is refused stands in the audit log.</summary>
public sealed class SendLimits(RateLimiter limiter, LimitSettings limits, AuditLog audit)
{
    /// <summary>Counts a message. Null when it may be sent; else how long to wait.</summary>
    /// <param name="address">Who is written to.</param>
    /// <param name="ip">From where that is asked for, for the audit log.</param>
    /// <param name="client">The same as limits count it; null where somebody who is known by name asks, who has limits of their own.</param>
    public async Task<TimeSpan?> TakeAsync(string address, string ip, string? client) =>
        (client is null ? null : await TakeAsync(limits.SendsPerIp, client, address, ip)) ?? await TakeAsync(limits.SendsPerAddress, address, address, ip);

    private async Task<TimeSpan?> TakeAsync(Limit limit, string subject, string address, string ip)
    {
        var wait = await limiter.TakeAsync(limit, subject);
        if (wait is not null) audit.WriteLimitHit(limit.Name, address, ip);
        return wait;
    }
}
