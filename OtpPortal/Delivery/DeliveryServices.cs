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

/// <summary>Registers the providers, the dispatcher, the queue and the mailbox page.</summary>
public static class DeliveryServices
{
    /// <summary>Gets the kinds of providers, in the order in which they are listed. A new provider is a folder and a line here.</summary>
    internal static IReadOnlyList<IProviderKind> Kinds { get; } =
    [
        new SmtpKind(),
        new PostmarkKind(),
        new AwsSmsKind(),
        new KaleyraKind(),
        new SipgateKind(),
        new WebhookKind(),
        new MailboxKind(),
    ];

    /// <summary>Gets the names that the portal's own providers have, set up or not.</summary>
    internal static IReadOnlyList<string> ReservedNames { get; } = [.. Kinds.SelectMany(kind => kind.Names)];

    public static WebApplicationBuilder AddDelivery(this WebApplicationBuilder builder)
    {
        var mail = builder.AddSettings<MailSettings>();
        var sms = builder.AddSettings<SmsSettings>();
        var settings = builder.AddSettings<ProviderSettings>();
        builder.AddSettings<MessageTemplates>();
        builder.Services.AddSingleton<MailboxProvider>();
        // A redirect could carry keys and codes to another server.
        builder.Services.AddHttpClient(nameof(ProviderHttp)).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(5),
        });
        builder.Services.AddSingleton(services =>
        {
            var client = services.GetRequiredService<IHttpClientFactory>().CreateClient(nameof(ProviderHttp));
            // The dispatcher applies each provider's own timeout.
            client.Timeout = Timeout.InfiniteTimeSpan;
            return new ProviderHttp(client, services.GetRequiredService<TimeProvider>());
        });
        builder.Services.AddSingleton(services => Build(services, settings, mail, sms));
        builder.Services.AddSingleton<SmsGuard>();
        builder.Services.AddSingleton<Dispatcher>();
        builder.Services.AddSingleton<MailSender>();
        builder.Services.AddSingleton<DeliveryQueue>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DeliveryQueue>());
        return builder;
    }

    /// <summary>
    /// Maps <c>GET /dev/mailbox.json</c>. Like <see cref="MailboxPage"/>, it exists only where
    /// <see cref="MailSettings.ShowMailbox"/> is set.
    /// </summary>
    public static void MapMailbox(this IEndpointRouteBuilder routes)
    {
        if (!routes.ServiceProvider.GetRequiredService<MailSettings>().ShowMailbox) return;
        routes.MapGet("/dev/mailbox.json", (HttpContext context, MailboxProvider mailbox) =>
        {
            context.Response.Headers.CacheControl = "no-store";
            return TypedResults.Json(mailbox.Messages);
        });
    }

    private static Providers Build(IServiceProvider services, ProviderSettings settings, MailSettings mail, SmsSettings sms)
    {
        var all = settings.All.Select(setup => setup.Build(services)).ToList();
        var mailOrder = new[] { mail.Transport, mail.Fallback }.OfType<string>();
        return new Providers(all, [.. mailOrder.Select(Find)], [.. sms.Order.Select(Find)]);

        Provider Find(string name) =>
            all.Find(provider => provider.Name == name) ?? throw new InvalidOperationException($"The provider {name} is not configured.");
    }
}
