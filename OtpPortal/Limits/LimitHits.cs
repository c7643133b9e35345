using OtpPortal.Auditing;

namespace OtpPortal.Limits;

/// <summary>
/// Records rejections by limits in the audit log and the statistics, once per limit and client in each window.
/// </summary>
public sealed class LimitHits(AuditLog audit, Statistics statistics)
{
    /// <param name="client">The subject that the limit applies to. Not the address, because a client can use any number of
    /// addresses.</param>
    /// <param name="address">The address that the request was about; null for none.</param>
    public void Record(Limit limit, string client, string? address, string ip) => _ = RecordAsync(limit.Name, limit, client, address, ip);

    /// <summary>Records a rejection by a limit of one authenticated caller.</summary>
    public void RecordCaller(Limit limit, string caller, string ip) => _ = RecordAsync($"{limit.Name}:{caller}", limit, caller, null, ip);

    private async Task RecordAsync(string name, Limit limit, string client, string? address, string ip)
    {
        if (await audit.WriteLimitHitAsync(name, limit.Window, client, address, ip)) statistics.Count(StatisticsEvent.Limited);
    }
}
