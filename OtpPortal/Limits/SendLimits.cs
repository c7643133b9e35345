namespace OtpPortal.Limits;

/// <summary>Limits the number of messages across all APIs. Rejections are recorded in the audit log.</summary>
public sealed class SendLimits(RateLimiter limiter, LimitSettings limits, LimitHits hits)
{
    /// <summary>Counts a message. Returns null if it may be sent, or the time to wait.</summary>
    /// <param name="address">The normalized recipient: an email address or a phone number.</param>
    /// <param name="ip">The client's IP address, for the audit log.</param>
    /// <param name="client">The client as limits count it; null for an authenticated caller, which has its own limits.</param>
    public async Task<TimeSpan?> TakeAsync(string address, string ip, string? client) =>
        (client is null ? null : await TakeAsync(limits.SendsPerIp, client, client, address, ip))
        ?? await TakeAsync(limits.SendsPerAddress, address, client ?? ip, address, ip);

    private async Task<TimeSpan?> TakeAsync(Limit limit, string subject, string client, string address, string ip)
    {
        var wait = await limiter.TakeAsync(limit, subject);
        if (wait is not null) hits.Record(limit, client, address, ip);
        return wait;
    }
}
