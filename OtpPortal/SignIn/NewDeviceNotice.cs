using OtpPortal.Delivery;
using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.SignIn;

/// <summary>
/// Emails users about a sign-in with a kind of browser that they have not used before (NEW_DEVICE_MAIL). An attacker who reads
/// a user's mail can sign in as the user; this notifies the user (OWASP ASVS 5.0, 6.3.5).
/// </summary>
/// <remarks>
/// Key layout in the token database: <c>devices:{SHA-256 of the address}</c>, a set of names such as "Firefox on Linux", kept
/// for 400 days after the last sign-in. The first device of an address triggers no email.
/// </remarks>
public sealed partial class NewDeviceNotice(
    Stores stores, SignInSettings settings, SignInMail mail, DeliveryQueue queue, TimeProvider time, ILogger<NewDeviceNotice> logger)
{
    private static readonly TimeSpan s_retention = TimeSpan.FromDays(400);
    private static readonly TimeSpan s_maxNoticeDelay = TimeSpan.FromHours(1);

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Records the device of a sign-in, and emails the user if it is new. Never fails the sign-in.</summary>
    public async Task RecordAsync(string email, ClientInfo client)
    {
        if (!settings.NewDeviceMail) return;
        try
        {
            RedisKey key = "devices:" + Digest.Of(email);
            Task<bool> added = null!;
            Task<RedisValue[]> devices = null!;
            await Database.TransactAsync(transaction =>
            {
                added = transaction.SetAddAsync(key, DeviceName.Of(client.UserAgent));
                devices = transaction.SetMembersAsync(key);
                _ = transaction.KeyExpireAsync(key, s_retention);
            });
            if (await added && (await devices).Length > 1) Send(email, client);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            StoreAway(e.GetType().Name);
        }
    }

    private void Send(string email, ClientInfo client)
    {
        var now = time.GetUtcNow();
        var message = mail.ComposeNewDevice(email, client, now);
        queue.TryEnqueue(new OutgoingMessage(message, now + s_maxNoticeDelay, static _ => { }));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not store the device of a sign-in: the token store is unavailable ({Error})")]
    private partial void StoreAway(string error);
}
