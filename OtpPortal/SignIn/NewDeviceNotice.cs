using OtpPortal.Delivery;
using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.SignIn;

/// <summary>
/// Mails a user when somebody signed in as them with a kind of browser that they never used before (NEW_DEVICE_MAIL). Who reads somebody's
/// mail can sign in as them; this is how they learn of it (OWASP ASVS 5.0, 6.3.5).
/// </summary>
/// <remarks>
/// Key layout in the token database: <c>devices:{SHA-256 of the address}</c>, a set of names such as "Firefox on Linux", kept 400 days from
/// the last sign-in. The first device of an address is nothing to write about.
/// </remarks>
public sealed partial class NewDeviceNotice(
    Stores stores, SignInSettings settings, SignInMail mail, DeliveryQueue queue, TimeProvider time, ILogger<NewDeviceNotice> logger)
{
    private static readonly TimeSpan s_kept = TimeSpan.FromDays(400);
    private static readonly TimeSpan s_worthSending = TimeSpan.FromHours(1);

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Notes the device of a sign-in, and writes to the user when it is a new one. Never makes the sign-in fail.</summary>
    public async Task NoteAsync(string email, Visitor visitor)
    {
        if (!settings.NewDeviceMail) return;
        try
        {
            RedisKey key = "devices:" + Digest.Of(email);
            var added = Database.SetAddAsync(key, DeviceName.Of(visitor.UserAgent));
            var devices = Database.SetMembersAsync(key);
            var keep = Database.KeyExpireAsync(key, s_kept);
            await Task.WhenAll(added, devices, keep);
            if (await added && (await devices).Length > 1) Send(email, visitor);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            StoreAway(e.GetType().Name);
        }
    }

    private void Send(string email, Visitor visitor)
    {
        var now = time.GetUtcNow();
        var message = mail.ComposeNewDevice(email, visitor, now);
        queue.TryEnqueue(new OutgoingMessage(message, now + s_worthSending, static _ => { }));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not store the device of a sign-in: the token store is unavailable ({Error})")]
    private partial void StoreAway(string error);
}
