using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Limits.Captcha;

/// <summary>
/// Proofs of having waited, for browsers without script and for programs: sealed, for one address, good from an instant on, once.
/// </summary>
/// <remarks>
/// Issuing one keeps nothing, so that who only asks fills no store. Key layout in the OTP database: <c>captcha:used:{id}</c>, there from a
/// ticket's use until its end.
/// </remarks>
public sealed class WaitingTickets(Stores stores, AuthSecret secret, TimeProvider time)
{
    internal static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);

    /// <summary>How long it is good after the wait: somebody may do something else meanwhile.</summary>
    internal static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    // The seal holds an id, an instant and 28 bytes more; the address is no part of it.
    private const int MaxLength = 200;

    private readonly SealedText _seal = new(secret.DeriveKey("captcha-wait"));

    public string Issue(string address)
    {
        var from = (time.GetUtcNow() + Wait).ToUnixTimeMilliseconds();
        var text = string.Create(CultureInfo.InvariantCulture, $"{RandomNumberGenerator.GetHexString(32, lowercase: true)}|{from}");
        return Base64Url.EncodeToString(_seal.Seal(text, Place(address)));
    }

    /// <summary>
    /// Zero when the wait is over, and then the ticket is used up; what is left of it; or null for what is no ticket for this address.
    /// </summary>
    public async Task<TimeSpan?> UseAsync(string? ticket, string address)
    {
        if (ticket is not { Length: > 0 and <= MaxLength } || !Base64Url.IsValid(ticket)
            || !_seal.TryOpen(Base64Url.DecodeFromChars(ticket), Place(address), out var text)
            || text.Split('|') is not [var id, var instant])
        {
            return null;
        }
        var from = DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(instant, CultureInfo.InvariantCulture));
        var now = time.GetUtcNow();
        if (now >= from + Life) return null;
        if (now < from) return from - now;
        // Of two that come at once, one passes.
        return await stores.Otp.Database.StringSetAsync("captcha:used:" + id, 1, Life, When.NotExists) ? TimeSpan.Zero : null;
    }

    private static string Place(string address) => "captcha-wait:" + address;
}
