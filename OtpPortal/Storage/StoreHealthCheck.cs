using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OtpPortal.Storage;

/// <summary>Checks that the store responds to a ping.</summary>
internal sealed class StoreHealthCheck(RedisStore store) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            if (store.IsConnected)
            {
                await store.PingAsync();
                return HealthCheckResult.Healthy();
            }
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // Reported as unhealthy below.
        }
        return HealthCheckResult.Unhealthy();
    }
}

/// <summary>
/// Reports unhealthy during shutdown, so that load balancers stop sending requests before connections are refused.
/// </summary>
internal sealed class ShutdownHealthCheck(IHostApplicationLifetime lifetime) : IHealthCheck
{
    public const string Name = "shutdown";

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(lifetime.ApplicationStopping.IsCancellationRequested ? HealthCheckResult.Unhealthy() : HealthCheckResult.Healthy());
}
