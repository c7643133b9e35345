using OtpPortal.Storage;

namespace OtpPortal.Sessions;

/// <summary>
/// Deletes the remaining data of expired sessions at startup and then hourly, to minimize how long addresses are kept.
/// </summary>
internal sealed partial class SessionCleanup(SessionIndex index, TokenStore tokens, TimeProvider time, ILogger<SessionCleanup> logger)
    : BackgroundService
{
    private const int PageSize = 200;
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(1);

    /// <summary>Runs one cleanup.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        for (var shard = 0; shard < SessionIndex.Shards; shard++)
        {
            var position = 0L;
            // Sorted by address: these entries suffice to remove all others of a session.
            while (await index.AddressesAsync(shard, position, PageSize) is { Length: > 0 } entries && !stop.IsCancellationRequested)
            {
                var sessions = await tokens.ReadAsync([.. entries.Select(entry => entry.Sid)]);
                var expired = entries.Where((_, i) => sessions[i] is null).ToList();
                await Task.WhenAll(expired.Select(tokens.DeleteAsync));
                position += entries.Length - expired.Count;
            }
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
