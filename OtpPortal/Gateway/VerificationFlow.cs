using System.Diagnostics;
using OtpPortal.Delivery;
using OtpPortal.Limits;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Gateway;

/// <summary>
/// Runs verifications for the API, the hosted pages and their circuits. Independent of HTTP, and stateless: all state is in the
/// OTP store, under the namespace, so that no namespace can access another's verifications.
/// </summary>
/// <remarks>
/// A record contains the code twice (see <see cref="CodeStore"/>): as an HMAC for comparison, and encrypted and bound to the
/// record, because it may have to be sent later or again, and the caller may have chosen it. A dump of Redis reveals neither.
/// <c>K:done</c> exists for half a minute after a record was deleted because of its success, or until the id is reused.
/// </remarks>
public sealed class VerificationFlow(
    CodeStore codes, Stores stores, Providers providers, VerificationSender sender, VerificationLog log, SendLimits limits,
    TimeProvider time)
{
    private static readonly TimeSpan s_recentlyVerifiedLifetime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(2);

    /// <summary>Begins a verification under a new, random id, and sends its code if it has an address.</summary>
    /// <param name="ip">The client's IP address, for the audit log.</param>
    public async Task<PutOutcome> CreateAsync(Namespace owner, VerificationRequest request, string ip, CancellationToken stop)
    {
        var key = KeyOf(owner.Name, request.Id);
        var code = CodeOf(request);
        if (request.To.Length > 0 && await limits.TakeAsync(Recipients.Normalize(request.To), ip, client: null) is { } pause)
            return new PutOutcome.Limited("LIMIT_SENDS_PER_ADDRESS", pause);
        var payload = PayloadOf(request, key, code);
        var record = await codes.BeginAsync(key, code, request.Terms, payload.Write());
        return await SendAsync(owner, request, key, record, payload, code, isNew: true, stop);
    }

    /// <summary>Begins or restarts a verification, and sends its code if it has an address.</summary>
    /// <param name="ip">The client's IP address, for the audit log.</param>
    public async Task<PutOutcome> PutAsync(Namespace owner, VerificationRequest request, string ip, CancellationToken stop)
    {
        var key = KeyOf(owner.Name, request.Id);
        var code = CodeOf(request);
        var payload = PayloadOf(request, key, code);
        // The pages of a new verification must not show the previous one's success.
        void ForgetEcho(ITransaction transaction) => _ = transaction.KeyDeleteAsync(RecentlyVerifiedKey(key));

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
            // Before the record is replaced: if the message is rejected, an earlier code stays valid.
            if (!isCounted && await limits.TakeAsync(Recipients.Normalize(request.To), ip, client: null) is { } pause)
            {
                return new PutOutcome.Limited("LIMIT_SENDS_PER_ADDRESS", pause);
            }
            isCounted = true;
            // Concurrent requests for one id are all counted: the loser of the race retries, and eventually finds the id
            // locked.
            if (await codes.ReplaceAsync(key, before, code, request.Terms, payload.Write(), ForgetEcho) is { } record)
                return await SendAsync(owner, request, key, record, payload, code, isNew: !isOpen, stop);
            await Task.Delay(s_retryDelay, stop);
        }
    }

    /// <summary>Returns the verification, or null if there is none or it has expired.</summary>
    public async Task<Verification?> FindAsync(string owner, string id) =>
        await codes.FindAsync(KeyOf(owner, id)) is { } record && !record.IsExpired(time.GetUtcNow()) ? Describe(owner, id, record) : null;

    /// <summary>
    /// Checks a code. The attempt is counted before the result is returned, and a record succeeds at most once.
    /// </summary>
    /// <param name="keep">Keeps the record after the correct code, for <c>status</c>; otherwise it is deleted.</param>
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

    /// <summary>
    /// Removes a closed verification and returns it, once. Returns null if there is none, or a concurrent call removed it.
    /// </summary>
    public async Task<Verification?> TakeAsync(string owner, string id)
    {
        var key = KeyOf(owner, id);
        if (await codes.FindAsync(key) is not { IsOpen: false } record || record.IsExpired(time.GetUtcNow())) return null;
        return await RemoveAsync(key, record) ? Describe(owner, id, record) : null;
    }

    /// <summary>
    /// Returns the provider of a verification whose record has just been deleted after its success, or null. For its pages.
    /// </summary>
    public async Task<string?> FindRecentlyVerifiedAsync(string owner, string id) =>
        await stores.Otp.Database.StringGetAsync(RecentlyVerifiedKey(KeyOf(owner, id)));

    /// <summary>Sets the address that the namespace omitted, once. Called by the hosted page.</summary>
    public async Task<PageSendOutcome> SetAddressAsync(
        Namespace owner, string id, string? typed, string ip, string limitKey, CancellationToken stop)
    {
        var key = KeyOf(owner.Name, id);
        if (await codes.FindAsync(key) is not { } record || !record.IsLive(time.GetUtcNow())) return new PageSendOutcome.Ended();
        var payload = VerificationPayload.Read(record.Payload);
        if (payload.To is not null) return new PageSendOutcome.Ended();
        if (providers.Find(payload.Provider) is not { } provider) return new PageSendOutcome.NotSent();
        if (!provider.TryNormalize(typed ?? "", out var address)) return new PageSendOutcome.InvalidAddress();
        // Any client with the page's URL could send messages to arbitrary addresses, so the limits per client apply as well.
        if (await limits.TakeAsync(Recipients.Normalize(address), ip, limitKey) is { } wait) return new PageSendOutcome.Wait(wait);
        if (!await codes.ChangePayloadAsync(key, record, json =>
            VerificationPayload.Read(json) is { To: null } unset ? (unset with { To = address }).Write() : null))
        {
            return new PageSendOutcome.Ended();
        }

        var verification = Describe(owner.Name, id, record) with { To = address };
        // The address is kept after a failure: the message may have arrived anyway (timeout), and its code must not
        // verify a different address. The page offers to resend. A limited phone number gets the same result as one that is
        // sent to.
        return await sender.SendAsync(verification, sender.CodeOf(record, key), stop) is DispatchOutcome.Failed
            ? new PageSendOutcome.NotSent()
            : new PageSendOutcome.Sent();
    }

    /// <summary>Sends the code again. Called by the hosted page.</summary>
    public async Task<PageSendOutcome> ResendCodeAsync(Namespace owner, string id, string ip, string limitKey, CancellationToken stop)
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

    private static string CodeOf(VerificationRequest request) =>
        request.Code ?? CodeStore.NewCode(Math.Min(request.CodeLength, request.Provider.MaxCodeLength));

    private VerificationPayload PayloadOf(VerificationRequest request, string key, string code) => new(
        request.Provider.Name, sender.Protect(code, key), code.Length, code.All(char.IsAsciiDigit),
        request.To.Length > 0 ? request.To : null,
        request.ToAsSent != request.To ? request.ToAsSent : null,
        request.ChannelDescription, request.AddressDescription, request.Extra, request.SkipDelete);

    private async Task<PutOutcome> SendAsync(
        Namespace owner, VerificationRequest request, string key, CodeRecord record, VerificationPayload payload, string code, bool isNew,
        CancellationToken stop)
    {
        var created = Describe(owner.Name, request.Id, record, payload);
        if (request.To.Length == 0) return new PutOutcome.Created(created, code);
        switch (await sender.SendAsync(created, code, stop))
        {
            case DispatchOutcome.Sent:
                return new PutOutcome.Created(created, code);
            case DispatchOutcome.Limited(var reason, var wait):
                if (isNew) await codes.RemoveAsync(key, record);
                return new PutOutcome.Limited(reason, wait);
            default:
                // No user has this code, because it was not sent. A replaced record is kept, because a provider's failure must
                // not reset the attempts. A webhook may have sent the message without confirming it, so its code stays valid,
                // as in otpgateway.
                if (isNew && request.Provider.Channel != Channel.Webhook) await codes.RemoveAsync(key, record);
                return new PutOutcome.NotSent();
        }
    }

    // The namespace is part of the key. Its name cannot contain the colon that terminates it.
    private static string KeyOf(string owner, string id) => CodeStore.KeyOf("gateway:" + owner, id);

    private static string RecentlyVerifiedKey(string key) => key + ":done";

    // An open page polls every second or two, and must not show a failure because the backend removed the record first.
    private Task<bool> RemoveAsync(string key, CodeRecord record) =>
        codes.RemoveAsync(key, record, transaction =>
            _ = transaction.StringSetAsync(
                RecentlyVerifiedKey(key), VerificationPayload.Read(record.Payload).Provider, s_recentlyVerifiedLifetime));

    private static Verification Describe(string owner, string id, CodeRecord record) =>
        Describe(owner, id, record, VerificationPayload.Read(record.Payload));

    private static Verification Describe(string owner, string id, CodeRecord record, VerificationPayload payload) => new(
        owner, id, payload.To ?? "", payload.Provider, payload.ChannelDescription, payload.AddressDescription, payload.Extra,
        // otpgateway counts the first message as an attempt.
        1 + record.MaxAttempts - record.AttemptsLeft, record.MaxAttempts,
        record.Sends, record.MaxSends,
        Closed: !record.IsOpen, record.IsLocked, record.Deadline, record.ResendAt,
        payload.CodeLength, payload.CodeIsDigits, payload.SkipDelete)
    { ToAsSent = payload.ToAsSent ?? payload.To ?? "" };
}
