using OtpPortal.Storage;

namespace OtpPortal.Sessions;

/// <summary>At the start and then once an hour, forgets what is left of sessions that have ended by themselves: addresses are not kept longer than needed.</summary>
internal sealed partial class SessionSweeper(TokenStore store, TimeProvider time, ILogger<SessionSweeper> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        do
        {
            try
            {
                await store.SweepAsync(stoppingToken);
            }
            catch (Exception e) when (StoreFailure.Is(e))
            {
                StoreAway(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Ended sessions were not swept, the token store does not answer: {Reason}")]
    private partial void StoreAway(string reason);
}
