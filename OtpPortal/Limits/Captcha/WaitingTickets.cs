using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Limits.Captcha;

/// <summary>
/// Encrypted proofs of having waited, for browsers without script and for API clients. A ticket is bound to one address,
/// becomes valid after the wait, and can be used once.
/// </summary>
/// <remarks>
/// Issuing a ticket stores nothing, so requests cannot fill the store. Key layout in the OTP database:
/// <c>captcha:used:{id}</c>, from a ticket's use until its expiry.
/// </remarks>
public sealed class WaitingTickets(Stores stores, AuthSecret secret, TimeProvider time)
{
    internal static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);

    /// <summary>How long a ticket is valid after the wait, for users who do something else in the meantime.</summary>
    internal static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    // The ciphertext contains an id, a timestamp and 28 bytes of overhead, but not the address.
    private const int MaxLength = 200;

    private readonly AeadProtector _protector = new(secret.DeriveKey("captcha-wait"));

    public string Issue(string address)
    {
        var from = (time.GetUtcNow() + Wait).ToUnixTimeMilliseconds();
        var text = string.Create(CultureInfo.InvariantCulture, $"{RandomNumberGenerator.GetHexString(32, lowercase: true)}|{from}");
        return Base64Url.EncodeToString(_protector.Protect(text, KeyFor(address)));
    }

    /// <summary>
    /// Redeems a ticket. Returns zero if the wait has passed, which uses up the ticket; the remaining wait; or null if the
    /// ticket is not valid for this address.
    /// </summary>
    public async Task<TimeSpan?> UseAsync(string? ticket, string address)
    {
        if (ticket is not { Length: > 0 and <= MaxLength } || !Base64Url.IsValid(ticket)
            || !_protector.TryUnprotect(Base64Url.DecodeFromChars(ticket), KeyFor(address), out var text)
            || text.Split('|') is not [var id, var instant])
        {
            return null;
        }
        var from = DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(instant, CultureInfo.InvariantCulture));
        var now = time.GetUtcNow();
        if (now >= from + Lifetime) return null;
        if (now < from) return from - now;
        // Of two concurrent uses, one succeeds.
        return await stores.Otp.Database.StringSetAsync("captcha:used:" + id, 1, Lifetime, When.NotExists) ? TimeSpan.Zero : null;
    }

    private static string KeyFor(string address) => "captcha-wait:" + address;
}
