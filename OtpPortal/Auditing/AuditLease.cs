using System.Globalization;
using OtpPortal.Security;
using OtpPortal.Storage;

namespace OtpPortal.Auditing;

/// <summary>Gives one replica at a time the right to send, so that events arrive in order.</summary>
/// <remarks>
/// Key layout in the OTP database: <c>audit:{stream}:sender</c>, the replica and the end of its right in Unix milliseconds. A replica
/// that stops deletes it; another one takes over from a replica that has died when the time has passed.
/// </remarks>
internal sealed class AuditLease(Stores stores, TimeProvider time)
{
    internal const string Key = "audit:{stream}:sender";

    internal static readonly TimeSpan Duration = TimeSpan.FromSeconds(30);

    // More than one request takes, so the right does not end during a request.
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(15);

    // Only cleans up.
    private static readonly TimeSpan s_retention = TimeSpan.FromHours(1);

    private readonly string _owner = RandomText.New(22);
    private string _mine = "";
    private DateTimeOffset _until;

    private StoreDatabase Database => stores.Otp.Database;

    /// <summary>Returns whether this replica may send for the next 15 s.</summary>
    public async Task<bool> TryHoldAsync()
    {
        var now = time.GetUtcNow();
        if (_until - now >= s_margin) return true;
        var current = await Database.StringGetAsync(Key);
        if (!current.IsNull && IsOthers(current!, now)) return false;
        var until = now + Duration;
        var mine = string.Create(CultureInfo.InvariantCulture, $"{_owner} {until.ToUnixTimeMilliseconds()}");
        var condition = current.IsNull ? KeyCondition.NotExists(Key) : KeyCondition.Holds(Key, current);
        if (!await Database.TransactAsync(condition, transaction => _ = transaction.StringSetAsync(Key, mine, s_retention))) return false;
        (_mine, _until) = (mine, until);
        return true;
    }

    /// <summary>Lets another replica send at once.</summary>
    public async Task ReleaseAsync()
    {
        if (_mine.Length > 0) await Database.ClaimAsync(Key, _mine);
    }

    private bool IsOthers(string value, DateTimeOffset now) =>
        value.Split(' ') is [var owner, var until] && owner != _owner
        && long.Parse(until, CultureInfo.InvariantCulture) > now.ToUnixTimeMilliseconds();
}
