using System.Collections.Concurrent;
using System.Reflection;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>
/// A database whose asynchronous calls fail after a while. Version 1.2 of the client lets them wait for ever when the server hangs (not down:
/// merely silent), and every request with them; from 2.0 on it has a time-out of its own, and this class can go.
/// </summary>
internal class Impatient : DispatchProxy
{
    private static readonly ConcurrentDictionary<Type, Func<Task, TimeSpan, Task>> s_limits = new();
    private object _inner = null!;
    private TimeSpan _patience;

    public static T Over<T>(T inner, TimeSpan patience)
        where T : class
    {
        var proxy = Create<T, Impatient>();
        var impatient = (Impatient)(object)proxy;
        (impatient._inner, impatient._patience) = (inner, patience);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var result = targetMethod!.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null);
        return result switch
        {
            ITransaction transaction => Over(transaction, _patience),
            IBatch batch => Over(batch, _patience),
            Task { IsCompleted: false } task => s_limits.GetOrAdd(targetMethod.ReturnType, LimitFor)(task, _patience),
            _ => result,
        };
    }

    private static Func<Task, TimeSpan, Task> LimitFor(Type type) =>
        type == typeof(Task)
            ? static (task, patience) => task.WaitAsync(patience)
            : typeof(Impatient).GetMethod(nameof(Limit), BindingFlags.NonPublic | BindingFlags.Static)!
                .MakeGenericMethod(type.GenericTypeArguments[0]).CreateDelegate<Func<Task, TimeSpan, Task>>();

    private static Task Limit<T>(Task task, TimeSpan patience) => ((Task<T>)task).WaitAsync(patience);
}
