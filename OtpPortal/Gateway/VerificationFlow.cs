using System.Diagnostics;
using System.Text.Json;
using OtpPortal.Delivery;
using OtpPortal.Limits;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Gateway;

/// <summary>
/// A verification from the namespace's wish to the right code: the same for the API, the hosted pages and their circuits. It knows nothing
/// of HTTP, and keeps nothing itself: all state is in the OTP store, under the namespace, so that no namespace reaches another's.
/// </summary>
/// <remarks>
/// The code is kept twice in its record (see <see cref="CodeStore"/>): as HMAC, for comparing, and encrypted, bound to its record, because
/// it may have to be sent later (when the page asks for the address) or again, and the caller may have chosen it. A dump of Redis reads
/// neither. <c>K:done</c> is there for half a minute after a record was deleted because of its success, or until the id is used again.
/// </remarks>
public sealed class VerificationFlow(
    CodeStore codes, Stores stores, Providers providers, VerificationSender sender, VerificationLog log, SendLimits limits,
    TimeProvider time)
{
    private static readonly TimeSpan s_echo = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(2);

    /// <summary>Begins or restarts a verification, and sends its code when there is an address.</summary>
    /// <param name="ip">From where that is asked for, for the audit log.</param>
    public async Task<PutOutcome> PutAsync(Namespace owner, VerificationRequest request, string ip, CancellationToken stop)
    {
        var key = KeyOf(owner.Name, request.Id);
        var code = request.Code ?? CodeStore.NewCode(Math.Min(request.CodeLength, request.Provider.MaxCodeLength));
        using var extra = JsonDocument.Parse(request.Extra);
        var payload = new VerificationPayload(
            request.Provider.Name, sender.Seal(code, key), code.Length, code.All(char.IsAsciiDigit),
            request.To.Length > 0 ? request.To : null,
            request.ToAsSent != request.To ? request.ToAsSent : null,
            request.ChannelDescription, request.AddressDescription, extra.RootElement, request.SkipDelete).Write();
        // The pages of a new verification must not show the success of the one before it.
        void ForgetEcho(ITransaction transaction) => _ = transaction.KeyDeleteAsync(EchoOf(key));

        var isCounted = request.To.Length == 0;
        while (true)
        {
            var now = time.GetUtcNow();
            var before = await codes.FindAsync(key);
            var isOpen = before is { IsOpen: true } && !before.IsExpired(now);
            if (isOpen && (before!.IsLocked
                || before.Sends > before.MaxSends || before.MaxAttempts - before.AttemptsLeft >= request.Terms.MaxAttempts))
            {
                return new PutOutcome.Locked(Describe(owner.Name, request.Id, before));
            }
            // Before the record changes: what is not sent leaves an earlier code as it was.
            if (!isCounted && await limits.TakeAsync(Recipients.Normalize(request.To), ip, client: null) is { } pause)
            {
                return new PutOutcome.Limited("LIMIT_SENDS_PER_ADDRESS", pause);
            }
            isCounted = true;
            // Of simultaneous wishes for one id each is counted: who was overtaken looks again, and in the end finds the id locked.
            if (await codes.ReplaceAsync(key, before, code, request.Terms, payload, ForgetEcho) is not { } record)
            {
                await Task.Delay(s_glance, stop);
                continue;
            }

            var created = Describe(owner.Name, request.Id, record);
            if (request.To.Length == 0) return new PutOutcome.Created(created, code);
            switch (await sender.SendAsync(created, code, stop))
            {
                case DispatchOutcome.Sent:
                    return new PutOutcome.Created(created, code);
                case DispatchOutcome.Limited(var reason, var wait):
                    if (!isOpen) await codes.RemoveAsync(key, record);
                    return new PutOutcome.Limited(reason, wait);
                default:
                    // Nobody has a code that was not sent. One that took another's place goes on counting, or a provider's failure would
                    // give tries back. A webhook may have done its part and failed to say so: its code stays valid, as in otpgateway.
                    if (!isOpen && request.Provider.Channel != Channel.Webhook) await codes.RemoveAsync(key, record);
                    return new PutOutcome.NotSent();
            }
        }
    }

    /// <summary>The verification, or null when there is none or its time is over.</summary>
    public async Task<Verification?> FindAsync(string owner, string id) =>
        await codes.FindAsync(KeyOf(owner, id)) is { } record && !record.IsExpired(time.GetUtcNow()) ? Describe(owner, id, record) : null;

    /// <summary>Tries a code: counted before it is compared, and one success a record.</summary>
    /// <param name="keep">The record stays when the code is right, so that <c>status</c> can tell; else it is deleted.</param>
    public async Task<CheckOutcome> CheckAsync(Namespace owner, string id, string typed, bool keep, string ip)
    {
        var key = KeyOf(owner.Name, id);
        switch (await codes.TryAsync(key, typed))
        {
            case TryOutcome.Right(var record):
                var verified = Describe(owner.Name, id, record);
                if (!keep && !verified.SkipDelete) await RemoveAsync(key, record);
                await log.VerifiedAsync(owner, verified, time.GetUtcNow() - record.SentAt);
                return new CheckOutcome.Verified(verified);
            case TryOutcome.Wrong(var left, var record):
                var wrong = Describe(owner.Name, id, record);
                log.Wrong(owner, wrong, isLocked: left == 0, ip);
                return new CheckOutcome.Wrong(wrong);
            case TryOutcome.Locked(var record):
                return new CheckOutcome.Locked(Describe(owner.Name, id, record));
            case TryOutcome.Expired({ IsOpen: false } record) when !record.IsExpired(time.GetUtcNow()):
                return new CheckOutcome.Closed(Describe(owner.Name, id, record));
            case TryOutcome.Expired:
                return new CheckOutcome.Unknown();
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Ends a verification that is closed and returns it, once; null when there is none, or another call was first.</summary>
    public async Task<Verification?> TakeAsync(string owner, string id)
    {
        var key = KeyOf(owner, id);
        if (await codes.FindAsync(key) is not { IsOpen: false } record || record.IsExpired(time.GetUtcNow())) return null;
        return await RemoveAsync(key, record) ? Describe(owner, id, record) : null;
    }

    /// <summary>For the pages of a verification whose record was deleted after its success a moment ago: its provider; else null.</summary>
    public async Task<string?> EchoAsync(string owner, string id) => await stores.Otp.Database.StringGetAsync(EchoOf(KeyOf(owner, id)));

    /// <summary>The page's visitor names the address that the namespace left out, once.</summary>
    public async Task<PageSendOutcome> SetAddressAsync(
        Namespace owner, string id, string? typed, string ip, string limitKey, CancellationToken stop)
    {
        var key = KeyOf(owner.Name, id);
        if (await codes.FindAsync(key) is not { } record || !record.IsLive(time.GetUtcNow())) return new PageSendOutcome.Ended();
        var payload = VerificationPayload.Read(record.Payload);
        if (payload.To is not null) return new PageSendOutcome.Ended();
        if (providers.Find(payload.Provider) is not { } provider) return new PageSendOutcome.NotSent();
        if (!provider.TryNormalize(typed ?? "", out var address)) return new PageSendOutcome.InvalidAddress();
        // Any client with the page's address can have messages sent, so the limits of unauthenticated clients apply too.
        if (await limits.TakeAsync(Recipients.Normalize(address), ip, limitKey) is { } wait) return new PageSendOutcome.Wait(wait);
        if (!await codes.ChangePayloadAsync(key, record, json =>
            VerificationPayload.Read(json) is { To: null } unset ? (unset with { To = address }).Write() : null))
        {
            return new PageSendOutcome.Ended();
        }

        var verification = Describe(owner.Name, id, record) with { To = address };
        // The address stays after a failure, too: the message may have arrived all the same (no answer in time), and its code must not
        // verify another address. The page offers to send it again. A number that is not written to looks like one that is.
        return await sender.SendAsync(verification, sender.CodeOf(record, key), stop) is DispatchOutcome.Failed
            ? new PageSendOutcome.NotSent()
            : new PageSendOutcome.Sent();
    }

    /// <summary>The page's visitor wants the code once more.</summary>
    public async Task<PageSendOutcome> SendAgainAsync(Namespace owner, string id, string ip, string limitKey, CancellationToken stop)
    {
        var key = KeyOf(owner.Name, id);
        var now = time.GetUtcNow();
        if (await codes.FindAsync(key) is not { } record || !record.IsLive(now)
            || VerificationPayload.Read(record.Payload).To is not { } address)
        {
            return new PageSendOutcome.Ended();
        }
        if (record.Sends >= record.MaxSends) return new PageSendOutcome.NoneLeft();
        if (now < record.ResendAt) return new PageSendOutcome.Wait(record.ResendAt - now);
        if (await limits.TakeAsync(Recipients.Normalize(address), ip, limitKey) is { } wait) return new PageSendOutcome.Wait(wait);
        var code = sender.CodeOf(record, key);
        switch (await codes.AddCodeAsync(key, record, code))
        {
            case ResendOutcome.Added:
                return await sender.SendAsync(Describe(owner.Name, id, record), code, stop) is DispatchOutcome.Failed
                    ? new PageSendOutcome.NotSent()
                    : new PageSendOutcome.Sent();
            case ResendOutcome.CoolingDown(var until):
                return new PageSendOutcome.Wait(until - now);
            case ResendOutcome.NoSendsLeft:
                return new PageSendOutcome.NoneLeft();
            default:
                return new PageSendOutcome.Ended();
        }
    }

    // The namespace is part of the key, and a name cannot hold the colon that ends it.
    private static string KeyOf(string owner, string id) => CodeStore.KeyOf("gateway:" + owner, id);

    private static string EchoOf(string key) => key + ":done";

    // A page that is open somewhere asks every second or two: it shall not take the success for a failure because the backend was faster.
    private Task<bool> RemoveAsync(string key, CodeRecord record) =>
        codes.RemoveAsync(key, record, transaction =>
            _ = transaction.StringSetAsync(EchoOf(key), VerificationPayload.Read(record.Payload).Provider, s_echo));

    private static Verification Describe(string owner, string id, CodeRecord record)
    {
        var payload = VerificationPayload.Read(record.Payload);
        return new Verification(
            owner, id, payload.To ?? "", payload.Provider, payload.ChannelDescription, payload.AddressDescription, payload.Extra,
            // As otpgateway counts: the sending is the first one.
            1 + record.MaxAttempts - record.AttemptsLeft, record.MaxAttempts,
            record.Sends, record.MaxSends,
            Closed: !record.IsOpen, record.IsLocked, record.Deadline, record.ResendAt,
            payload.CodeLength, payload.CodeIsDigits, payload.SkipDelete)
        { ToAsSent = payload.ToAsSent ?? payload.To ?? "" };
    }
}
