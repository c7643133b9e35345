using OtpPortal.Delivery.Mailbox;
using OtpPortal.Delivery.Postmark;
using OtpPortal.Delivery.Smtp;
using OtpPortal.Journal;
using OtpPortal.Settings;

namespace OtpPortal.Delivery;

/// <summary>The queue, the providers and the mailbox.</summary>
public static class DeliveryServices
{
    public static WebApplicationBuilder AddDelivery(this WebApplicationBuilder builder, PortalConfiguration configuration)
    {
        var mail = configuration.Mail;
        builder.Services.AddSingleton(mail);
        builder.Services.AddSingleton<MailboxProvider>();
        builder.Services.AddSingleton(new MessageTemplates());
        // A redirect would carry the token and the code to wherever it points.
        builder.Services.AddHttpClient(nameof(PostmarkProvider)).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(5),
        });
        builder.Services.AddSingleton<IMessageProvider>(services => Sender(services, mail, mail.Transport));
        builder.Services.AddSingleton(services =>
        {
            var transport = services.GetRequiredService<IMessageProvider>();
            var names = (string?[])[mail.Smtp is null ? null : "smtp", mail.Postmark is null ? null : "postmark", mail.ShowMailbox ? "mailbox" : null];
            var all = names.OfType<string>().Select(name => Describe(name == transport.Name ? transport : Sender(services, mail, name))).ToList();
            return new Providers(all, all.Find(provider => provider.Name == transport.Name) ?? Describe(transport));
        });
        builder.Services.AddSingleton<Dispatcher>();
        builder.Services.AddSingleton(services =>
        {
            var queue = ActivatorUtilities.CreateInstance<DeliveryQueue>(services);
            var statistics = services.GetRequiredService<Statistics>();
            queue.Finished += (provider, state) =>
            {
                if (state == DeliveryState.Failed) statistics.CountFailed(provider);
            };
            return queue;
        });
        builder.Services.AddHostedService(services => services.GetRequiredService<DeliveryQueue>());
        return builder;
    }

    /// <summary><c>GET /dev/mailbox.json</c>; the page beside it is <see cref="MailboxPage"/>. Both are 404 where mail really leaves.</summary>
    public static void MapMailbox(this IEndpointRouteBuilder routes, MailSettings mail)
    {
        if (!mail.ShowMailbox) return;
        routes.MapGet("/dev/mailbox.json", (HttpContext context, MailboxProvider mailbox) =>
        {
            context.Response.Headers.CacheControl = "no-store";
            return Results.Json(mailbox.Messages);
        });
    }

    private static IMessageProvider Sender(IServiceProvider services, MailSettings mail, string name) => name switch
    {
        "postmark" => new PostmarkProvider(services.GetRequiredService<IHttpClientFactory>().CreateClient(nameof(PostmarkProvider)), mail.Postmark!, mail),
        "smtp" => new SmtpProvider(mail.Smtp!, mail),
        _ => services.GetRequiredService<MailboxProvider>(),
    };

    private static Provider Describe(IMessageProvider sender) => new()
    {
        Sender = sender,
        Channel = sender is MailboxProvider ? Channel.Mailbox : Channel.Email,
        ChannelName = "E-mail",
        AddressName = "E-mail",
        MaxAddressLength = 254,
        MaxCodeLength = 24,
        Normalize = address => EmailAddress.TryParse(address, out var email) ? email.Value : null,
    };
}
