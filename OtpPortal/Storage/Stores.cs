using System.Diagnostics;

namespace OtpPortal.Storage;

/// <summary>The portal's two databases: codes and limits in one, tokens and keys in the other.</summary>
/// <remarks>Their keys have different names, so that both can be in the only database of one cluster.</remarks>
public sealed class Stores(RedisStore otp, RedisStore auth, IDisposable? embedded) : IDisposable
{
    private static readonly TimeSpan s_reconnectTimeout = TimeSpan.FromMilliseconds(500);

    public RedisStore Otp { get; } = otp;

    public RedisStore Auth { get; } = auth;

    public bool AreConnected => Otp.IsConnected && Auth.IsConnected;

    private bool AreComplete => Otp.IsComplete && Auth.IsComplete;

    /// <summary>
    /// Runs a request, and runs it once more if a store failed and both are available within half a second, for example after a
    /// failover. Only for requests that may run twice.
    /// </summary>
    /// <param name="prepare">Prepares the second attempt. Returns false if there must be none.</param>
    public async Task<T> RetryAsync<T>(Func<Task<T>> request, Func<bool> prepare, CancellationToken cancellationToken)
    {
        try
        {
            return await request();
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            var start = Stopwatch.GetTimestamp();
            while (!AreComplete)
            {
                if (Stopwatch.GetElapsedTime(start) > s_reconnectTimeout) throw;
                await Task.Delay(TimeSpan.FromMilliseconds(25), cancellationToken);
            }
            if (!prepare()) throw;
            return await request();
        }
    }

    public void Dispose()
    {
        Otp.Dispose();
        Auth.Dispose();
        embedded?.Dispose();
    }
}
