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
    /// Waits up to half a second, until both stores are available: after a failover, a request that has failed can run once
    /// more. Returns false if they are not.
    /// </summary>
    public async Task<bool> ReconnectAsync(CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (!AreComplete)
        {
            if (Stopwatch.GetElapsedTime(start) > s_reconnectTimeout) return false;
            await Task.Delay(TimeSpan.FromMilliseconds(25), cancellationToken);
        }
        return true;
    }

    public void Dispose()
    {
        Otp.Dispose();
        Auth.Dispose();
        embedded?.Dispose();
    }
}
