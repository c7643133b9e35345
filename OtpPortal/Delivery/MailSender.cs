using OtpPortal.Auditing;

namespace OtpPortal.Delivery;

/// <summary>Sends mail for callers that wait for the outcome.</summary>
public sealed class MailSender(Dispatcher dispatcher, Providers providers, Statistics statistics)
{
    /// <summary>Sends a message by the portal's mail transport. Returns false if no provider took it; the log says why.</summary>
    public async Task<bool> SendAsync(Message message, CancellationToken cancellationToken)
    {
        if (await dispatcher.SendAsync(providers.Mail, message, cancellationToken) is not DispatchOutcome.Sent) return false;
        statistics.Count(Happening.Sent);
        return true;
    }
}
