namespace OtpPortal.Http;

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
        portal.IsProduction ? Task.Delay(s_delay, time, cancellationToken)
            .ContinueWith(static _ => { }, TaskScheduler.Default) : Task.CompletedTask;

    /// <summary>
    /// Refuses new circuits from the signal on. The open ones are closed by then, and their pages connect again at once: here they would
    /// stay for as long as the page is open, and the shutdown would wait for them until no time is left for the queued mail. Cut off
    /// without an answer, so that a proxy asks the next replica.
    /// </summary>
    public static void RefuseCircuits(IApplicationBuilder app)
    {
        var stopping = app.ApplicationServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        app.Use((context, next) =>
        {
            if (!stopping.IsCancellationRequested
                || !context.Request.Path.StartsWithSegments("/_blazor", StringComparison.OrdinalIgnoreCase))
                return next(context);
            context.Abort();
            return Task.CompletedTask;
        });
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
