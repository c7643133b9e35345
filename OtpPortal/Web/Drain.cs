namespace OtpPortal.Web;

/// <summary>
/// Between the signal to stop and the end of listening: <c>/readyz</c> says 503 already, and requests are still served, so that a load
/// balancer turns away before connections are refused. After that requests under way end, and queued mail is sent, within the host's
/// shutdown timeout.
/// </summary>
internal sealed class Drain(PortalSettings portal, TimeProvider time) : IHostedLifecycleService
{
    // Load balancers commonly ask every few seconds. Nobody waits for one in Development.
    private static readonly TimeSpan s_delay = TimeSpan.FromSeconds(5);

    public Task StoppingAsync(CancellationToken cancellationToken) =>
        portal.IsProduction ? Task.Delay(s_delay, time, cancellationToken).ContinueWith(static _ => { }, TaskScheduler.Default) : Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
