using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>
/// Waits until replicas have the latest writes (REDIS_WAIT_REPLICAS). Without it, a failover to a replica that has not received
/// a revocation makes the session valid again.
/// </summary>
public sealed class ReplicaWait(StorageSettings settings, Stores stores)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    /// <summary>Waits for the replicas of the primaries that hold these keys of the token store.</summary>
    /// <exception cref="StoreUnavailableException">
    /// Fewer replicas than required have the writes after a second. The primary has them anyway.
    /// </exception>
    public async Task ForAsync(IEnumerable<RedisKey> keys)
    {
        if (settings is not { WaitReplicas: > 0, Auth: { } address }) return;
        var database = stores.Auth.Database;
        var servers = await Task.WhenAll(keys.Select(key => database.IdentifyEndpointAsync(key)));
        await Task.WhenAll(servers.OfType<EndPoint>().Distinct().Select(server => ForAsync(server, address)));
    }

    // On a connection of its own, because WAIT blocks the one that sends it. PING makes it wait for the writes of all
    // connections so far: Redis remembers the replication offset after the latest command of each.
    private async Task ForAsync(EndPoint server, RedisAddress address)
    {
        using var timeout = new CancellationTokenSource(s_timeout + s_timeout);
        try
        {
            using var connection = await RespConnection.OpenAsync(server, address, timeout.Token);
            await connection.SendAsync(["PING"], timeout.Token);
            var required = settings.WaitReplicas.ToString(CultureInfo.InvariantCulture);
            var milliseconds = s_timeout.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
            var reply = await connection.SendAsync(["WAIT", required, milliseconds], timeout.Token);
            if (int.TryParse(reply.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && count >= settings.WaitReplicas)
            {
                return;
            }
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or AuthenticationException)
        {
            // Reported below.
        }
        throw new StoreUnavailableException($"{RedisAddress.Describe(server)} has fewer than {settings.WaitReplicas} replicas in sync.");
    }
}
