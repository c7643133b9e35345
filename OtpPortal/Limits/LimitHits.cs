using OtpPortal.Auditing;

namespace OtpPortal.Limits;

/// <summary>Notes what limits refuse in the audit log and the statistics, once for each limit and client within its window.</summary>
public sealed class LimitHits(AuditLog audit, Statistics statistics)
{
    /// <param name="client">Whom the limit holds back, as limits count it: an address is one of many that a client can name.</param>
    /// <param name="address">Whom it was about; null for nobody.</param>
    public void Note(Limit limit, string client, string? address, string ip) => _ = NoteAsync(limit.Name, limit, client, address, ip);

    /// <summary>As <see cref="Note(Limit, string, string?, string)"/>, for a limit of one caller that is known by name.</summary>
    public void NoteCaller(Limit limit, string caller, string ip) => _ = NoteAsync($"{limit.Name}:{caller}", limit, caller, null, ip);

    private async Task NoteAsync(string name, Limit limit, string client, string? address, string ip)
    {
        if (await audit.WriteLimitHitAsync(name, limit.Window, client, address, ip)) statistics.Count(Happening.Limited);
    }
}
