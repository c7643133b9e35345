using System.Diagnostics;
using System.Net;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>The commands that the portal sends to one of its databases. Transactions are in <see cref="RedisTransactions"/>.</summary>
/// <remarks>
/// <para>
/// Reads use the primary. A replica may not know of a revocation, an attempt or a used code yet, and by default the client reads
/// from one while the primary is down.
/// </para>
/// <para>
/// Each command has a timeout. This version of the client has none for asynchronous commands, and it can lose a command that it
/// is writing when the connection breaks. The caller would wait forever.
/// </para>
/// <para>
/// A command that a cluster has redirected is repeated. The client follows one redirect of a command, but a key whose slot moves
/// on needs more. A node that redirects a command has not run it, so repeating it is safe. Each try uses the connection that is
/// current at the time, because a connection that has been replaced is closed soon.
/// </para>
/// </remarks>
public sealed class StoreDatabase
{
    private const CommandFlags Primary = CommandFlags.DemandMaster;

    // Longer than a change of the slots goes unnoticed, and short because a redirect to a node that has failed is not distinguishable.
    private static readonly TimeSpan s_maxRedirection = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_redirectionDelay = TimeSpan.FromMilliseconds(20);

    private readonly Func<Link> _link;

    internal StoreDatabase(Func<Link> link) => _link = link;

    /// <summary>The maximum time of a command: longer than it takes to detect an unresponsive server.</summary>
    internal static TimeSpan Timeout { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The current connection. Its commands have no timeout, and may read from replicas.</summary>
    internal IDatabase Client => Link.Database;

    internal Link Link => _link();

    public Task<bool> KeyDeleteAsync(RedisKey key) => RunAsync(client => client.KeyDeleteAsync(key));

    public Task<bool> KeyExistsAsync(RedisKey key) => RunAsync(client => client.KeyExistsAsync(key, Primary));

    public Task<bool> KeyExpireAsync(RedisKey key, TimeSpan expiry) => RunAsync(client => client.KeyExpireAsync(key, expiry));

    public Task<RedisValue> StringGetAsync(RedisKey key) => RunAsync(client => client.StringGetAsync(key, Primary));

    /// <returns>Whether the value was written, which depends on <paramref name="when"/>.</returns>
    public Task<bool> StringSetAsync(RedisKey key, RedisValue value, TimeSpan? expiry = null, When when = When.Always) =>
        RunAsync(client => client.StringSetAsync(key, value, expiry, when));

    public Task<long> StringIncrementAsync(RedisKey key, long by) => RunAsync(client => client.StringIncrementAsync(key, by));

    public Task<bool> HashDeleteAsync(RedisKey key, RedisValue field) => RunAsync(client => client.HashDeleteAsync(key, field));

    public Task<bool> HashExistsAsync(RedisKey key, RedisValue field) => RunAsync(client => client.HashExistsAsync(key, field, Primary));

    public Task<RedisValue> HashGetAsync(RedisKey key, RedisValue field) => RunAsync(client => client.HashGetAsync(key, field, Primary));

    public Task<RedisValue[]> HashGetAsync(RedisKey key, RedisValue[] fields) =>
        RunAsync(client => client.HashGetAsync(key, fields, Primary));

    public Task<HashEntry[]> HashGetAllAsync(RedisKey key) => RunAsync(client => client.HashGetAllAsync(key, Primary));

    public Task<bool> HashSetAsync(RedisKey key, RedisValue field, RedisValue value, When when = When.Always) =>
        RunAsync(client => client.HashSetAsync(key, field, value, when));

    public Task HashSetAsync(RedisKey key, HashEntry[] fields) => RunAsync(async client =>
    {
        await client.HashSetAsync(key, fields);
        return true;
    });

    public Task<long> ListLengthAsync(RedisKey key) => RunAsync(client => client.ListLengthAsync(key, Primary));

    public Task<RedisValue[]> ListRangeAsync(RedisKey key, long start, long stop) =>
        RunAsync(client => client.ListRangeAsync(key, start, stop, Primary));

    public Task<long> ListRemoveAsync(RedisKey key, RedisValue value, long count) =>
        RunAsync(client => client.ListRemoveAsync(key, value, count));

    public Task<bool> SortedSetAddAsync(RedisKey key, RedisValue member, double score) =>
        RunAsync(client => client.SortedSetAddAsync(key, member, score));

    public Task<bool> SortedSetRemoveAsync(RedisKey key, RedisValue member) => RunAsync(client => client.SortedSetRemoveAsync(key, member));

    public Task<long> SortedSetLengthAsync(RedisKey key) => RunAsync(client => client.SortedSetLengthAsync(key, flags: Primary));

    /// <summary>Counts the members whose score is greater than <paramref name="score"/>.</summary>
    public Task<long> SortedSetLengthAboveAsync(RedisKey key, double score) =>
        RunAsync(client => client.SortedSetLengthAsync(key, score, double.PositiveInfinity, Exclude.Start, Primary));

    /// <summary>Returns the member with the lowest score that is greater than <paramref name="score"/>.</summary>
    public Task<SortedSetEntry[]> SortedSetFirstAboveAsync(RedisKey key, double score) => RunAsync(client =>
        client.SortedSetRangeByScoreWithScoresAsync(
            key, score, double.PositiveInfinity, Exclude.Start, Order.Ascending, 0, 1, Primary));

    /// <summary>Counts the members of a set in byte order that precede <paramref name="stop"/>.</summary>
    public Task<long> SortedSetLengthBeforeAsync(RedisKey key, RedisValue stop) =>
        RunAsync(client => client.SortedSetLengthByValueAsync(key, default, stop, Exclude.Stop, Primary));

    /// <summary>Returns members of a set in byte order, without <paramref name="start"/> and <paramref name="stop"/>.</summary>
    public Task<RedisValue[]> SortedSetBetweenAsync(RedisKey key, RedisValue start, RedisValue stop, long take = -1) =>
        RunAsync(client => client.SortedSetRangeByValueAsync(key, start, stop, Exclude.Both, 0, take, Primary));

    public Task<RedisValue[]> SortedSetRangeByRankAsync(RedisKey key, long first, long last) =>
        RunAsync(client => client.SortedSetRangeByRankAsync(key, first, last, flags: Primary));

    public Task<SortedSetEntry[]> SortedSetRangeByRankWithScoresAsync(RedisKey key, long first, long last) =>
        RunAsync(client => client.SortedSetRangeByRankWithScoresAsync(key, first, last, flags: Primary));

    /// <summary>Publishes a message, in a cluster by the slot of the channel's name: through one node, in order.</summary>
    public Task PublishAsync(string channel, byte[] message) =>
        RunAsync(client => client.ExecuteAsync("PUBLISH", [(RedisKey)channel, message], Primary));

    /// <summary>Returns the server that holds a key; null if it is unknown.</summary>
    internal Task<EndPoint?> IdentifyEndpointAsync(RedisKey key) =>
        RunAsync(async client => (EndPoint?)await client.IdentifyEndpointAsync(key, Primary));

    private Task<T> RunAsync<T>(Func<IDatabase, Task<T>> command)
    {
        var link = Link;
        return link.Topology.IsCluster ? RepeatAsync(command) : command(link.Database).WaitAsync(Timeout);
    }

    private async Task<T> RepeatAsync<T>(Func<IDatabase, Task<T>> command)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await command(Client).WaitAsync(Timeout);
            }
            catch (RedisServerException e) when (StoreFailure.IsRedirect(e) && Stopwatch.GetElapsedTime(start) < s_maxRedirection)
            {
                await Task.Delay(s_redirectionDelay);
            }
        }
    }
}
