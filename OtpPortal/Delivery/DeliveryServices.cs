using OtpPortal.Configuration;
using OtpPortal.Delivery.Aws;
using OtpPortal.Delivery.Kaleyra;
using OtpPortal.Delivery.Mailbox;
using OtpPortal.Delivery.Postmark;
using OtpPortal.Delivery.Sipgate;
using OtpPortal.Delivery.Sms;
using OtpPortal.Delivery.Smtp;
using OtpPortal.Delivery.Webhook;

namespace OtpPortal.Delivery;

/// <summary>The queue, the dispatcher, the providers and the mailbox.</summary>
public static class DeliveryServices
{
    private const string Client = "OtpPortal.Delivery";

    public static WebApplicationBuilder AddDelivery(this WebApplicationBuilder builder)
    {
        var mail = builder.AddSettings<MailSettings>();
        var settings = builder.AddSettings<ProviderSettings>();
        builder.AddSettings<SmsSettings>();
        builder.Services.AddSingleton(settings.Templates);
        builder.Services.AddSingleton<MailboxProvider>();
        // A redirect would carry keys and codes to wherever it points.
        builder.Services.AddHttpClient(Client).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(5),
        });
        builder.Services.AddSingleton(services => Build(services, mail, settings));
        builder.Services.AddSingleton<SmsGuard>();
        builder.Services.AddSingleton<Dispatcher>();
        builder.Services.AddSingleton<DeliveryQueue>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DeliveryQueue>());
        return builder;
    }

    /// <summary><c>GET /dev/mailbox.json</c>; the page beside it is <see cref="MailboxPage"/>. Both are 404 where mail really leaves.</summary>
    public static void MapMailbox(this IEndpointRouteBuilder routes)
    {
        if (!routes.ServiceProvider.GetRequiredService<MailSettings>().ShowMailbox) return;
        routes.MapGet("/dev/mailbox.json", (HttpContext context, MailboxProvider mailbox) =>
        {
            context.Response.Headers.CacheControl = "no-store";
            return Results.Json(mailbox.Messages);
        });
    }

    private static Providers Build(IServiceProvider services, MailSettings mail, ProviderSettings settings)
    {
        var time = services.GetRequiredService<TimeProvider>();
        var client = services.GetRequiredService<IHttpClientFactory>().CreateClient(Client);
        // Each provider has a timeout of its own.
        client.Timeout = Timeout.InfiniteTimeSpan;
        var http = new ProviderHttp(client, time);

        var all = new List<Provider>();
        if (mail.Smtp is { } smtp) all.Add(ForMail(new SmtpProvider(smtp, mail), smtp.Terms));
        if (mail.Postmark is { } postmark) all.Add(ForMail(new PostmarkProvider(client, postmark, mail), postmark.Terms));
        if (settings.Aws is { } aws) all.Add(ForNumbers(new AwsSmsProvider(http, aws, time), Channel.Sms, "SMS", aws.Terms, aws.Numbers));
        if (settings.Kaleyra is { } kaleyra)
        {
            all.Add(ForNumbers(new KaleyraSms(http, kaleyra), Channel.Sms, "SMS", kaleyra.Terms, kaleyra.Numbers));
            if (kaleyra.TemplateName is not null) all.Add(ForNumbers(new KaleyraWhatsApp(http, kaleyra), Channel.WhatsApp, "WhatsApp", kaleyra.Terms, kaleyra.Numbers));
        }
        if (settings.Sipgate is { } sipgate) all.Add(ForNumbers(new SipgateProvider(http, sipgate), Channel.Sms, "SMS", sipgate.Terms, sipgate.Numbers));
        var webhookLog = services.GetRequiredService<ILogger<WebhookProvider>>();
        foreach (var webhook in settings.Webhooks)
        {
            var sendsSms = settings.Sms.Order.Contains(webhook.Name, StringComparer.Ordinal);
            all.Add(ForWebhook(new WebhookProvider(http, webhook, sendsSms, webhookLog), webhook, sendsSms, settings.Sms));
        }
        if (mail.ShowMailbox) all.Add(ForMailbox(services.GetRequiredService<MailboxProvider>(), settings.Sms));

        var mailOrder = new[] { mail.Transport, mail.Fallback }.OfType<string>();
        return new Providers(all, [.. mailOrder.Select(Named)], [.. settings.Sms.Order.Select(Named)]);

        Provider Named(string name) => all.Find(provider => provider.Name == name) ?? throw new InvalidOperationException($"The provider {name} is not set up.");
    }

    private static Provider ForMail(IMessageProvider sender, ProviderTerms terms) => new()
    {
        Sender = sender,
        Channel = Channel.Email,
        ChannelName = "E-mail",
        AddressName = "E-mail",
        MaxAddressLength = EmailAddress.MaxLength,
        MaxCodeLength = 100,
        Terms = terms,
        Normalize = Email,
    };

    private static Provider ForNumbers(IMessageProvider sender, Channel channel, string name, ProviderTerms terms, NumberTerms numbers) => new()
    {
        Sender = sender,
        Channel = channel,
        ChannelName = name,
        AddressName = "Phone number",
        MaxAddressLength = PhoneNumber.MaxTyped,
        // WhatsApp's authentication templates take no more than 15 characters; an SMS has room for 32.
        MaxCodeLength = channel == Channel.WhatsApp ? 15 : 32,
        Terms = terms,
        Normalize = numbers.Normalize,
        Countries = numbers.Countries,
    };

    private static Provider ForWebhook(IMessageProvider sender, WebhookSettings webhook, bool sendsSms, SmsSettings sms) => new()
    {
        Sender = sender,
        Channel = Channel.Webhook,
        ChannelName = webhook.ChannelName,
        AddressName = webhook.AddressName,
        MaxAddressLength = webhook.MaxAddressLength,
        MaxCodeLength = webhook.MaxCodeLength,
        Terms = webhook.Terms,
        // What an address is, only the program behind it knows; but what is limited like SMS must be numbers.
        Normalize = sendsSms ? Phone(sms) : address => address.Trim() is { Length: > 0 } text && !text.Any(char.IsControl) ? text : null,
        Countries = sendsSms ? sms.Countries : null,
    };

    private static Provider ForMailbox(MailboxProvider mailbox, SmsSettings sms) => new()
    {
        Sender = mailbox,
        Channel = Channel.Mailbox,
        ChannelName = "Mailbox",
        AddressName = "E-mail or phone number",
        MaxAddressLength = EmailAddress.MaxLength,
        MaxCodeLength = 100,
        Terms = new ProviderTerms(TimeSpan.FromSeconds(10), 100),
        Normalize = address => Email(address) ?? Phone(sms)(address),
        // Where it plays the part of SMS, it has the limits of SMS.
        Countries = sms.Order.Contains(mailbox.Name, StringComparer.Ordinal) ? sms.Countries : null,
    };

    private static Func<string, string?> Phone(SmsSettings sms) => new NumberTerms(sms.Countries, sms.DefaultCountry, sms.AllowFictional).Normalize;

    private static string? Email(string address) => EmailAddress.TryParse(address, out var email) ? email.Value : null;
}
