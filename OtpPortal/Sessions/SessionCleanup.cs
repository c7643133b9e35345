using OtpPortal.Storage;

namespace OtpPortal.Sessions;

/// <summary>
/// Deletes what is left of expired sessions, at the start and then hourly, so that addresses are not kept longer than needed.
/// </summary>
internal sealed partial class SessionCleanup(SessionIndex index, TokenStore tokens, TimeProvider time, ILogger<SessionCleanup> logger)
    : BackgroundService
{
    private const int PageSize = 200;
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(1);

    /// <summary>Runs one cleanup.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        var position = 0L;
        while (!stop.IsCancellationRequested)
        {
            // By address: these entries are enough to delete all of a session, even if its record has expired.
            var entries = await index.RangeAsync(SessionOrder.Email, position, position + PageSize - 1);
            if (entries.Length == 0) return;
            var areLive = await tokens.AreLiveAsync([.. entries.Select(entry => entry.Sid)]);
            var expired = entries.Where((_, i) => !areLive[i]).ToList();
            await Task.WhenAll(expired.Select(entry => tokens.DeleteAsync(entry.Sid, entry.Email)));
            position += entries.Length - expired.Count;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        do
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception e) when (StoreFailure.Is(e))
            {
                CleanupFailed(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not clean up expired sessions: the token store is unavailable ({Reason})")]
    private partial void CleanupFailed(string reason);
}
