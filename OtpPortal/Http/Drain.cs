namespace OtpPortal.Http;

/// <summary>
/// Delays shutdown: <c>/readyz</c> responds 503 while requests are still served, so load balancers stop sending requests before
/// connections are refused. Then pending requests complete and queued mail is sent, within the host's shutdown timeout.
/// </summary>
internal sealed class Drain(PortalSettings portal, TimeProvider time) : IHostedLifecycleService
{
    // Load balancers commonly poll every few seconds. No delay in Development.
    private static readonly TimeSpan s_delay = TimeSpan.FromSeconds(5);

    public Task StoppingAsync(CancellationToken cancellationToken) =>
        portal.IsProduction ? Task.Delay(s_delay, time, cancellationToken)
            .ContinueWith(static _ => { }, TaskScheduler.Default) : Task.CompletedTask;

    /// <summary>
    /// Refuses new circuits during shutdown. Closed circuits reconnect at once, and the shutdown would wait for them until no
    /// time is left for the queued mail. Aborts the connection without a response, so a proxy tries the next replica.
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
