using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Admin;

/// <summary>Reports the configuration of message delivery, and the state of each provider.</summary>
public sealed class DeliveryCheck(
    MailSettings mail, SmsSettings sms, Providers providers, Dispatcher dispatcher, IStringLocalizer<Texts> texts)
{
    public IReadOnlyList<Finding> CheckMail()
    {
        var transport = providers.Mail;
        var isMailbox = transport.Channel == Channel.Mailbox;
        var findings = new List<Finding>
        {
            isMailbox
                ? new(texts["CheckMail"], transport.Name, FindingState.Note, texts["CheckMailbox"])
                : new(texts["CheckMail"], transport.Name, FindingState.Good, null),
        };
        if (transport.DescribeServer?.Invoke(texts) is { } server)
        {
            findings.Add(new(texts["CheckMailServer"], server, FindingState.Good, null));
        }
        findings.Add(new(texts["CheckSender"], mail.From, FindingState.Good, null));
        if (mail.Fallback is not null) findings.Add(new(texts["CheckFallback"], mail.Fallback, FindingState.Good, null));
        return findings;
    }

    /// <summary>Reports the state of each provider since startup.</summary>
    public IReadOnlyList<Finding> CheckProviders()
    {
        var findings = providers.All.Select(Check).ToList();
        if (sms.Order.Count > 0) findings.Add(new(texts["CheckSmsOrder"], string.Join(" → ", sms.Order), FindingState.Good, null));
        return findings;
    }

    private Finding Check(Provider provider)
    {
        var value = provider.Countries is { Count: > 0 } countries
            ? $"{provider.ChannelName}: {string.Join(", ", countries)}"
            : provider.ChannelName;
        if (provider.Countries is { Count: 0 }) return new(provider.Name, value, FindingState.Problem, texts["CheckNoCountries"]);
        var health = dispatcher.HealthOf(provider);
        if (health.LastFailure is null) return new(provider.Name, value, FindingState.Good, null);
        var (kind, reason) = health.LastFailure.Describe();
        var advice = texts["CheckProvider_" + kind, Time(health.FailedAt), reason].Value;
        if (health.OpenUntil is { } until) advice += " " + texts["CheckProviderOpen", Time(until)].Value;
        return new(provider.Name, value, health.LastFailure.IsAboutRecipient ? FindingState.Note : FindingState.Problem, advice);
    }

    private static string Time(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
