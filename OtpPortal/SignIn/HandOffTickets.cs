using System.Globalization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.SignIn;

/// <summary>
/// Single-use tickets that hand a verified sign-in to the browser: a circuit cannot set cookies, so the browser redeems the
/// ticket over HTTP, together with the cookie of its own sign-in.
/// </summary>
/// <remarks>
/// Key layout, where K is the key of the code's record: <c>K:ticket</c> = SHA-256 of the ticket and its expiry. It exists from
/// verification until the browser has its token.
/// </remarks>
public sealed class HandOffTickets(Stores stores, TimeProvider time)
{
    // A circuit hands over at once; a minute allows for slow phones.
    private static readonly TimeSpan s_lifetime = TimeSpan.FromSeconds(60);

    private StoreDatabase Database => stores.Otp.Database;

    public static string New() => RandomText.New(43);

    /// <summary>
    /// Adds a ticket to the transaction that records the verification, so no other tab sees one without the other.
    /// </summary>
    public void Write(ITransaction success, string key, string ticket) =>
        _ = success.StringSetAsync(KeyOf(key), Record(ticket), s_lifetime);

    /// <summary>Creates a ticket for a verified sign-in whose token could not be issued.</summary>
    public async Task<string> GrantAsync(string key)
    {
        var ticket = New();
        await Database.StringSetAsync(KeyOf(key), Record(ticket), s_lifetime);
        return ticket;
    }

    /// <summary>
    /// Replaces a ticket that the browser lost, for example by a reload, a lost circuit or a server crash. Returns null if it
    /// was redeemed or has expired.
    /// </summary>
    public async Task<string?> RenewAsync(string key)
    {
        var ticket = New();
        return await Database.StringSetAsync(KeyOf(key), Record(ticket), s_lifetime, When.Exists) ? ticket : null;
    }

    /// <summary>Returns whether a verified sign-in is waiting for the browser.</summary>
    public Task<bool> ExistsAsync(string key) => Database.KeyExistsAsync(KeyOf(key));

    /// <summary>Redeems a ticket, once, before it expires. Of concurrent callers, one succeeds.</summary>
    public async Task<bool> TakeAsync(string key, string ticket)
    {
        var stored = await Database.StringGetAsync(KeyOf(key));
        return ((string?)stored)?.Split('|') is [var digest, var ends]
            && digest == Digest.Of(ticket)
            && time.GetUtcNow().ToUnixTimeMilliseconds() < long.Parse(ends, CultureInfo.InvariantCulture)
            // Leaves a ticket that was renewed in the meantime to the page that renewed it.
            && await Database.ClaimAsync(KeyOf(key), stored);
    }

    private string Record(string ticket) =>
        string.Create(CultureInfo.InvariantCulture, $"{Digest.Of(ticket)}|{(time.GetUtcNow() + s_lifetime).ToUnixTimeMilliseconds()}");

    private static RedisKey KeyOf(string key) => key + ":ticket";
}
