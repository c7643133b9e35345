namespace OtpPortal.Limits;

/// <summary>Limits how often people are written to. All APIs count here, together; the audit log has what was refused.</summary>
public sealed class SendLimits(RateLimiter limiter, LimitSettings limits, LimitHits hits)
{
    /// <summary>Counts a message. Null when it may be sent; else how long to wait.</summary>
    /// <param name="address">Who is written to, in its normalized form: a mail address or a phone number.</param>
    /// <param name="ip">From where that is asked for, for the audit log.</param>
    /// <param name="client">The same as limits count it; null where somebody who is known by name asks, who has limits of their
    /// own.</param>
    public async Task<TimeSpan?> TakeAsync(string address, string ip, string? client) =>
        (client is null ? null : await TakeAsync(limits.SendsPerIp, client, client, address, ip))
        ?? await TakeAsync(limits.SendsPerAddress, address, client ?? ip, address, ip);

    private async Task<TimeSpan?> TakeAsync(Limit limit, string subject, string client, string address, string ip)
    {
        var wait = await limiter.TakeAsync(limit, subject);
        if (wait is not null) hits.Note(limit, client, address, ip);
        return wait;
    }
}
