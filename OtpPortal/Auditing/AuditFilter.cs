using OtpPortal.Http;

namespace OtpPortal.Auditing;

/// <summary>Selects entries of the audit log.</summary>
/// <param name="Event">The kind of entry; null for all.</param>
/// <param name="User">A full address of the user or the administrator, or a part of the masked one; empty for all.</param>
/// <param name="Ip">An IP address, or its beginning up to a <c>.</c> or <c>:</c>; empty for all.</param>
/// <param name="From">The earliest time, or null.</param>
/// <param name="Until">The time before which the entries were written, or null.</param>
/// <param name="OnlyAdmin">Whether only the entries of administrators are selected.</param>
public sealed record AuditFilter(AuditEvent? Event, string User, string Ip, DateTimeOffset? From, DateTimeOffset? Until, bool OnlyAdmin)
{
    /// <summary>Selects all entries.</summary>
    public static readonly AuditFilter All = new(null, "", "", null, null, OnlyAdmin: false);

    /// <summary>Whether entries must be read to tell how many are selected.</summary>
    internal bool IsSelective => this with { OnlyAdmin = false } != All;

    // The log has masked addresses, so a full address is compared in its masked form. Others can have the same one.
    private bool IsFullAddress =>
        !User.Contains('…', StringComparison.Ordinal) && (User.IndexOf('@', StringComparison.Ordinal) > 0 || User.StartsWith('+'));

    /// <summary>Returns whether an entry is selected, of the lists that are.</summary>
    public bool Matches(AuditEntry entry) =>
        (Event is null || entry.Event == Event)
        && (User.Length == 0 || IsUser(entry.Address) || IsUser(entry.By))
        && (Ip.Length == 0 || IsIp(entry.Ip))
        && !(entry.Time < From)
        && !(entry.Time >= Until);

    private bool IsUser(string? address) => address is not null && (IsFullAddress
        ? address.Equals(MaskedAddress.Of(User.Replace(" ", "", StringComparison.Ordinal)), StringComparison.OrdinalIgnoreCase)
        : address.Contains(User, StringComparison.OrdinalIgnoreCase));

    private bool IsIp(string ip) => ip.Equals(Ip, StringComparison.OrdinalIgnoreCase)
        || (Ip[^1] is '.' or ':' && ip.StartsWith(Ip, StringComparison.OrdinalIgnoreCase));
}
