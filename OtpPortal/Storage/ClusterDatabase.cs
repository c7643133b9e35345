using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>
/// Repeats commands that a cluster has redirected. The client follows one redirect of a command, but a key whose slot moves on needs
/// more. A node that redirects a command has not run it, so repeating it is safe for every command. Each try uses the connection that
/// is current at the time, because a connection that has been replaced is closed soon.
/// </summary>
/// <remarks>Transactions are repeated by <see cref="RedisTransactions"/>, as a whole.</remarks>
internal class ClusterDatabase : DispatchProxy
{
    // Longer than a change of the slots goes unnoticed, and short because a redirect to a node that has failed is not distinguishable.
    private static readonly TimeSpan s_maxWait = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(20);

    // By the type of the result.
    private static readonly ConcurrentDictionary<Type, Func<ClusterDatabase, MethodInfo, object?[], Task>> s_runners = new();

    private Func<IDatabase> _current = null!;

    /// <param name="current">Returns the database of the current connection, for each try.</param>
    public static IDatabase Wrap(Func<IDatabase> current)
    {
        var proxy = Create<IDatabase, ClusterDatabase>();
        ((ClusterDatabase)proxy)._current = current;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        ArgumentNullException.ThrowIfNull(targetMethod);
        args ??= [];
        return typeof(Task).IsAssignableFrom(targetMethod.ReturnType)
            ? s_runners.GetOrAdd(targetMethod.ReturnType, RunnerOf)(this, targetMethod, args)
            : Call(targetMethod, args);
    }

    private static Func<ClusterDatabase, MethodInfo, object?[], Task> RunnerOf(Type type) =>
        type.IsGenericType
            ? typeof(ClusterDatabase).GetMethod(nameof(RunAsync), BindingFlags.Instance | BindingFlags.NonPublic)!
                .MakeGenericMethod(type.GetGenericArguments()).CreateDelegate<Func<ClusterDatabase, MethodInfo, object?[], Task>>()
            : static (database, method, args) => database.RunPlainAsync(method, args);

    private Task<T> RunAsync<T>(MethodInfo method, object?[] args) => RepeatAsync(() => (Task<T>)Call(method, args)!);

    private Task RunPlainAsync(MethodInfo method, object?[] args) => RepeatAsync(async () =>
    {
        await (Task)Call(method, args)!;
        return true;
    });

    private static async Task<T> RepeatAsync<T>(Func<Task<T>> command)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await command();
            }
            catch (RedisServerException e) when (StoreFailure.IsRedirect(e) && Stopwatch.GetElapsedTime(start) < s_maxWait)
            {
                await Task.Delay(s_delay);
            }
        }
    }

    private object? Call(MethodInfo method, object?[] args) =>
        method.Invoke(_current(), BindingFlags.DoNotWrapExceptions, binder: null, args, culture: null);
}
