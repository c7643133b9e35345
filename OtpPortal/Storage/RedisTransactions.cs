using System.Diagnostics;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>What must hold for a key when a transaction runs.</summary>
internal readonly struct KeyCondition
{
    private readonly Func<StoreDatabase, Task<bool>> _isMet;

    private KeyCondition(Condition condition, Func<StoreDatabase, Task<bool>> isMet) => (Condition, _isMet) = (condition, isMet);

    public Condition Condition { get; }

    public static KeyCondition Exists(RedisKey key) =>
        new(Condition.KeyExists(key), database => database.KeyExistsAsync(key));

    public static KeyCondition NotExists(RedisKey key) =>
        new(Condition.KeyNotExists(key), async database => !await database.KeyExistsAsync(key));

    /// <summary>The key is a string with this value.</summary>
    public static KeyCondition Holds(RedisKey key, RedisValue value) =>
        new(Condition.StringEqual(key, value), async database => await database.StringGetAsync(key) == value);

    /// <summary>Reads the key, which the transaction does not do reliably.</summary>
    public Task<bool> IsMetAsync(StoreDatabase database) => _isMet(database);
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
    private static readonly TimeSpan s_maxWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_maxDelay = TimeSpan.FromMilliseconds(50);

    // How long a transaction may take after a connection broke, because it may have been another connection.
    private static readonly TimeSpan s_responseTime = TimeSpan.FromMilliseconds(500);

    /// <summary>Runs commands as one transaction.</summary>
    /// <param name="commands">Adds the commands. Called again if the transaction is repeated.</param>
    public static Task TransactAsync(this StoreDatabase database, Action<ITransaction> commands) => RunAsync(database, null, commands);

    /// <summary>Runs commands as one transaction if the condition is met. Returns false, and runs none, if it is not.</summary>
    public static Task<bool> TransactAsync(this StoreDatabase database, KeyCondition condition, Action<ITransaction> commands) =>
        RunAsync(database, condition, commands);

    private static async Task<bool> RunAsync(StoreDatabase database, KeyCondition? condition, Action<ITransaction> commands)
    {
        var start = Stopwatch.GetTimestamp();
        for (var delay = TimeSpan.FromMilliseconds(2); ; delay = delay + delay < s_maxDelay ? delay + delay : s_maxDelay)
        {
            var link = database.Link;
            var failure = link.NextFailure;
            var transaction = link.Database.CreateTransaction();
            if (condition is { } required) transaction.AddCondition(required.Condition);
            commands(transaction);
            try
            {
                // NoRedirect: the client would send EXEC to the other node after it has reported the commands as failed.
                var run = transaction.ExecuteAsync(CommandFlags.DemandMaster | CommandFlags.NoRedirect);
                if (condition is not null) await WaitAsync(run, failure);
                if (await run.WaitAsync(StoreDatabase.Timeout)) return true;
                if (condition is not { } unmet || !await unmet.IsMetAsync(database)) return false;
            }
            catch (RedisServerException e) when (StoreFailure.IsRedirect(e) && link.Topology.IsCluster && !IsOver(start))
            {
                // The key is on another node, or on the way there.
            }
            if (IsOver(start)) throw new StoreUnavailableException("A transaction could not be run, because its hash slot is moving.");
            await Task.Delay(delay);
        }
    }

    // A transaction whose connection breaks while it reads the condition never completes in this version of the client.
    private static async Task WaitAsync(Task run, Task failure)
    {
        await Task.WhenAny(run, failure).WaitAsync(StoreDatabase.Timeout);
        if (!run.IsCompleted) await Task.WhenAny(run, Task.Delay(s_responseTime));
        if (!run.IsCompleted) throw new StoreUnavailableException("The connection broke during a transaction.");
    }

    private static bool IsOver(long start) => Stopwatch.GetElapsedTime(start) > s_maxWait;
}
