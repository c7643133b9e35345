using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal;

/// <summary>Logs the portal's URL and its stores and mail transport once it serves requests.</summary>
internal sealed partial class StartupMessage(
    PortalSettings portal, StorageSettings storage, MailSettings mail, IHostApplicationLifetime lifetime, ILogger<StartupMessage> logger)
    : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(() =>
        {
            Ready(
                portal.AppName, portal.Origin, storage.Otp?.ToString() ?? "embedded", storage.Auth?.ToString() ?? "embedded",
                mail.Transport);
            if (mail.ShowMailbox) MailboxOpen(portal.Origin);
        });
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Information, Message = "{App} is ready on {Url} (codes: {Otp}, tokens: {Auth}, mail: {Transport})")]
    private partial void Ready(string app, string url, string otp, string auth, string transport);

    [LoggerMessage(Level = LogLevel.Information, Message = "Messages are shown on {Url}/dev/mailbox")]
    private partial void MailboxOpen(string url);
}
