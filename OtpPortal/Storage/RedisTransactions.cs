using System.Diagnostics;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>What must hold for a key when a transaction runs.</summary>
internal readonly record struct KeyCondition
{
    private readonly RedisKey _key;
    private readonly RedisValue _value;
    private readonly bool _exists;

    private KeyCondition(RedisKey key, RedisValue value, bool exists) => (_key, _value, _exists) = (key, value, exists);

    public static KeyCondition Exists(RedisKey key) => new(key, RedisValue.Null, exists: true);

    public static KeyCondition NotExists(RedisKey key) => new(key, RedisValue.Null, exists: false);

    public static KeyCondition Holds(RedisKey key, RedisValue value) => new(key, value, exists: true);

    public Condition ToCondition() =>
        !_exists ? Condition.KeyNotExists(_key) : _value.IsNull ? Condition.KeyExists(_key) : Condition.StringEqual(_key, _value);

    public async Task<bool> IsMetAsync(IDatabase database) => _value.IsNull
        ? await database.KeyExistsAsync(_key, CommandFlags.DemandMaster) == _exists
        : await database.StringGetAsync(_key, CommandFlags.DemandMaster) == _value;
}

/// <summary>Runs transactions on one server, a primary with replicas, or a cluster.</summary>
/// <remarks>
/// <para>
/// The keys of a transaction must have the same hash tag. While its slot moves to another node, or has moved, the old node
/// rejects the transaction without running any of it, and the client follows no redirect for transactions. They are therefore
/// run again until the move has ended, which takes milliseconds per slot.
/// </para>
/// <para>
/// The client also reports "the condition is not met" if it could not read the key. A condition that seems not to be met is
/// therefore checked by reading the key again, and the transaction is repeated if it is.
/// </para>
/// </remarks>
internal static class RedisTransactions
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_maxDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>Runs commands as one transaction.</summary>
    /// <param name="commands">Adds the commands. Called again if the transaction is repeated.</param>
    public static Task TransactAsync(this IDatabase database, Action<ITransaction> commands) => RunAsync(database, null, commands);

    /// <summary>Runs commands as one transaction if the condition is met. Returns false, and runs none, if it is not.</summary>
    public static Task<bool> TransactAsync(this IDatabase database, KeyCondition condition, Action<ITransaction> commands) =>
        RunAsync(database, condition, commands);

    private static async Task<bool> RunAsync(IDatabase database, KeyCondition? condition, Action<ITransaction> commands)
    {
        var start = Stopwatch.GetTimestamp();
        for (var delay = TimeSpan.FromMilliseconds(2); ; delay = delay + delay < s_maxDelay ? delay + delay : s_maxDelay)
        {
            var transaction = database.CreateTransaction();
            if (condition is { } required) transaction.AddCondition(required.ToCondition());
            commands(transaction);
            try
            {
                // NoRedirect: the client would send EXEC to the other node after it has reported the commands as failed.
                if (await transaction.ExecuteAsync(CommandFlags.DemandMaster | CommandFlags.NoRedirect)) return true;
                if (condition is not { } unmet || !await unmet.IsMetAsync(database)) return false;
            }
            catch (RedisServerException e) when (StoreFailure.IsRedirect(e) && IsCluster(database) && !IsOver(start))
            {
                // The key is on another node, or on the way there.
            }
            if (IsOver(start)) throw new StoreUnavailableException("A transaction could not be run, because its hash slot is moving.");
            await Task.Delay(delay);
        }
    }

    private static bool IsOver(long start) => Stopwatch.GetElapsedTime(start) > s_patience;

    private static bool IsCluster(IDatabase database) =>
        database.Multiplexer.GetEndPoints().Any(server => database.Multiplexer.GetServer(server).ServerType == ServerType.Cluster);
}
