using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Limits;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>Creates the codes of sign-ins and queues their messages.</summary>
public sealed class CodeSender(
    SignInSettings settings, CodeSettings codes, SignInMail mail, DeliveryQueue queue, Providers providers, SendLimits sends,
    Statistics statistics)
{
    /// <summary>Creates a code, and a link if emails contain one. The code is null if the route is not real.</summary>
    public (string? Code, string? Link) Create(CodeRoute route) => (
        route.IsReal ? CodeStore.NewCode(codes.CodeLength) : null,
        // Also created for an address that may not sign in: the link is never sent, and it cannot be guessed.
        settings.MailLink && route.Used == CodeChannel.Email ? CodeStore.NewLink() : null);

    public async Task SendAsync(CodeRoute route, string? code, string? link, CodeRecord record, ClientInfo client)
    {
        // Without a code the message is composed but not sent, so the response takes as long (timing attack).
        var text = code ?? CodeStore.NewCode(codes.CodeLength);
        var lifetime = record.Deadline - record.SentAt;
        var isSms = route.Used == CodeChannel.Sms;
        var message = isSms ? mail.ComposeSms(route.To, text, lifetime) : mail.Compose(route.To, text, link, lifetime);
        // A phone number has a limit of its own. Exceeding it must not be visible, or it would reveal who owns the number;
        // without a number a dummy is counted, so the response takes as long.
        var counted = isSms && code is not null ? route.To : "no number\n" + route.To;
        if (route.Asked == CodeChannel.Sms && await sends.TakeAsync(counted, client.Ip, client: null) is not null) return;
        if (code is null) return;
        queue.TryEnqueue(new OutgoingMessage(message, record.Deadline, CountSent) { By = isSms ? providers.Sms : null });
    }

    private void CountSent(DeliveryState state)
    {
        if (state == DeliveryState.Sent) statistics.Count(StatisticsEvent.Sent);
    }
}
