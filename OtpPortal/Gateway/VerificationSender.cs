using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.OneTimeCodes;
using OtpPortal.Security;

namespace OtpPortal.Gateway;

/// <summary>Sends the codes of verifications, and encrypts them for their records.</summary>
public sealed class VerificationSender(
    Providers providers, Dispatcher dispatcher, VerificationMessage messages, Statistics statistics, AuthSecret secret)
{
    private readonly AeadProtector _codes = new(secret.DeriveKey("gateway-codes"));

    public byte[] Protect(string code, string key) => _codes.Protect(code, key);

    /// <summary>Decrypts the code of a record.</summary>
    /// <exception cref="InvalidOperationException">AUTH_SECRET_KEY has changed since the code was created.</exception>
    public string CodeOf(CodeRecord record, string key) =>
        _codes.TryUnprotect(VerificationPayload.Read(record.Payload).SealedCode, key, out var code)
            ? code
            : throw new InvalidOperationException(
                "The code of a verification cannot be decrypted: AUTH_SECRET_KEY has changed since it was created.");

    public async Task<DispatchOutcome> SendAsync(Verification verification, string code, CancellationToken stop)
    {
        if (providers.Find(verification.Provider) is not { } provider)
        {
            return new DispatchOutcome.Failed(verification.Provider, new SendOutcome.Misconfigured("the provider is no longer configured"));
        }
        var outcome = await dispatcher.SendAsync(provider, messages.Compose(verification, provider, code), stop);
        if (outcome is DispatchOutcome.Sent) statistics.Count(StatisticsEvent.Sent);
        return outcome;
    }
}
