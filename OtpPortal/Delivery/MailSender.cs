using OtpPortal.Auditing;

namespace OtpPortal.Delivery;

/// <summary>Sends mail for callers that await the outcome.</summary>
public sealed class MailSender(Dispatcher dispatcher, Providers providers, Statistics statistics)
{
    /// <summary>
    /// Sends a message with the portal's mail transport. Returns false if no provider accepted it; the log contains the reason.
    /// </summary>
    public async Task<bool> SendAsync(Message message, CancellationToken cancellationToken)
    {
        if (await dispatcher.SendAsync(providers.Mail, message, cancellationToken) is not DispatchOutcome.Sent) return false;
        statistics.Count(StatisticsEvent.Sent);
        return true;
    }
}
