using OtpPortal.Configuration;
using OtpPortal.Delivery.Aws;
using OtpPortal.Delivery.Kaleyra;
using OtpPortal.Delivery.Sipgate;
using OtpPortal.Delivery.Sms;
using OtpPortal.Delivery.Webhook;

namespace OtpPortal.Delivery;

/// <summary>The providers beside those for mail: each is on when its settings are there.</summary>
public sealed record ProviderSettings(
    SmsSettings Sms,
    SipgateSettings? Sipgate,
    KaleyraSettings? Kaleyra,
    AwsSmsSettings? Aws,
    IReadOnlyList<WebhookSettings> Webhooks,
    MessageTemplates Templates) : ISettings<ProviderSettings>
{
    /// <summary>Names that no webhook can have.</summary>
    internal static readonly IReadOnlyList<string> BuiltIn = ["smtp", "postmark", "pinpoint_sms", "kaleyra_sms", "kaleyra_whatsapp", "sipgate_sms", "mailbox"];

    public static ProviderSettings Read(SettingsReader reader)
    {
        var sms = reader.Get<SmsSettings>();
        var settings = new ProviderSettings(
            sms,
            SipgateSettings.Read(reader, sms),
            KaleyraSettings.Read(reader, sms),
            AwsSmsSettings.Read(reader, sms),
            WebhookSettings.ReadAll(reader),
            MessageTemplates.Read(reader));
        settings.CheckOrder(reader, reader.Get<MailSettings>());
        return settings;
    }

    // A provider that was meant to take over and never can would be found out on the day it is needed.
    private void CheckOrder(SettingsReader reader, MailSettings mail)
    {
        var usable = new List<string>();
        if (Sipgate is not null) usable.Add("sipgate_sms");
        if (Kaleyra is not null) usable.Add("kaleyra_sms");
        if (Aws is not null) usable.Add("pinpoint_sms");
        if (mail.ShowMailbox) usable.Add("mailbox");
        usable.AddRange(Webhooks.Select(webhook => webhook.Name));
        foreach (var name in Sms.Order)
        {
            if (!usable.Contains(name, StringComparer.Ordinal))
            {
                reader.AddError("SMS_PROVIDERS", name, usable.Count > 0
                    ? "names of providers that are set up and can send SMS: " + string.Join(", ", usable)
                    : "names of providers that are set up and can send SMS, and none is");
            }
            else if (Sms.Order.Count(other => other == name) > 1)
            {
                reader.AddError("SMS_PROVIDERS", name, "a list that names each provider once");
                break;
            }
        }
    }
}

/// <summary>How long a provider may take, and how much of it at once.</summary>
/// <param name="Timeout"><c>…_TIMEOUT</c>: for one message, 1–60 s.</param>
/// <param name="Connections"><c>…_CONNECTIONS</c>: messages that are handed over at the same time, 1–100; others wait.</param>
public sealed record ProviderTerms(TimeSpan Timeout, int Connections)
{
    internal static ProviderTerms Read(SettingsReader reader, string prefix, int seconds = 10) =>
        new(reader.Seconds(prefix + "_TIMEOUT", seconds, 1, 60), reader.Integer(prefix + "_CONNECTIONS", 10, 1, 100));
}

/// <summary>The numbers that one provider writes to.</summary>
/// <param name="Countries"><c>…_COUNTRIES</c>, or else SMS_COUNTRIES.</param>
/// <param name="DefaultCountry"><c>…_DEFAULT_COUNTRY</c>, or else SMS_DEFAULT_COUNTRY.</param>
/// <param name="AllowFictional">As in <see cref="SmsSettings"/>.</param>
public sealed record NumberTerms(IReadOnlyList<string> Countries, string? DefaultCountry, bool AllowFictional)
{
    internal static NumberTerms Read(SettingsReader reader, string prefix, SmsSettings sms)
    {
        var own = SmsSettings.ReadCountries(reader, prefix + "_COUNTRIES");
        return new(own.Count > 0 ? own : sms.Countries, SmsSettings.ReadCountry(reader, prefix + "_DEFAULT_COUNTRY") ?? sms.DefaultCountry, sms.AllowFictional);
    }

    internal string? Normalize(string typed) => PhoneNumber.TryParse(typed, DefaultCountry, AllowFictional, out var number) ? number.Value : null;
}
