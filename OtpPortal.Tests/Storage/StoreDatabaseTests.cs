using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests that the caller of a command that the Redis client has lost does not wait forever.</summary>
public sealed class StoreDatabaseTests : IDisposable
{
    private static readonly MethodInfo[] s_commands =
    [
        .. typeof(StoreDatabase).GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(method => method.DeclaringType == typeof(StoreDatabase) && !method.IsPrivate
                && method.ReturnType.IsAssignableTo(typeof(Task))),
    ];

    private readonly ConnectionMultiplexer _connection =
        ConnectionMultiplexer.Connect(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{RedisServer.Shared.Port}"));

    public void Dispose() => _connection.Dispose();

    // All at once, because each takes as long as the timeout.
    [Fact]
    public async Task A_lost_command_or_transaction_fails()
    {
        s_commands.Length.ShouldBeGreaterThan(20);
        StoreDatabase[] databases = [New(isCluster: false), New(isCluster: true)];

        var calls = databases.SelectMany(CallsOf).ToList();

        foreach (var (call, name) in calls) StoreFailure.Is(await call.ShouldThrowAsync<TimeoutException>(name)).ShouldBeTrue();
    }

    [Fact]
    [SuppressMessage("Usage", "CA2201", Justification = "The client throws it.")]
    public void An_error_of_the_client_while_it_opens_a_connection_is_a_failure_of_the_store()
    {
        StoreFailure.Is(new NullReferenceException { Source = typeof(IDatabase).Assembly.GetName().Name }).ShouldBeTrue();
        StoreFailure.Is(new NullReferenceException { Source = typeof(StoreDatabase).Assembly.GetName().Name }).ShouldBeFalse();
    }

    private static IEnumerable<(Task Call, string Name)> CallsOf(StoreDatabase database) =>
    [
        .. s_commands.Select(command => ((Task)command.Invoke(database, ArgumentsOf(command))!, command.Name)),
        (database.TransactAsync(transaction => _ = transaction.KeyDeleteAsync("key")), "transaction"),
        (database.TransactAsync(KeyCondition.Exists("key"), transaction => _ = transaction.KeyDeleteAsync("key")), "conditional"),
    ];

    private StoreDatabase New(bool isCluster)
    {
        var link = new Link(_connection, Unresponsive.New<IDatabase>(), new RedisTopology(isCluster, []));
        return new StoreDatabase(() => link);
    }

    private static object?[] ArgumentsOf(MethodInfo command) =>
    [
        .. command.GetParameters().Select(parameter =>
            parameter.HasDefaultValue && parameter.DefaultValue is { } value ? value
            : parameter.ParameterType == typeof(RedisKey) ? (RedisKey)"key"
            : parameter.ParameterType == typeof(RedisValue) ? (RedisValue)"value"
            : parameter.ParameterType == typeof(string) ? "text"
            : parameter.ParameterType.IsArray ? Array.CreateInstance(parameter.ParameterType.GetElementType()!, 0)
            : parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null),
    ];

    /// <summary>A client whose commands never complete.</summary>
    [SuppressMessage("Performance", "CA1852", Justification = "DispatchProxy derives a class from it.")]
    private class Unresponsive : DispatchProxy
    {
        public static T New<T>()
            where T : class => Create<T, Unresponsive>();

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            var type = targetMethod!.ReturnType;
            if (type == typeof(Task)) return new TaskCompletionSource().Task;
            if (type.IsAssignableTo(typeof(Task)))
            {
                var source = typeof(TaskCompletionSource<>).MakeGenericType(type.GetGenericArguments());
                return source.GetProperty("Task")!.GetValue(Activator.CreateInstance(source));
            }
            if (!type.IsInterface) return null;
            return typeof(Unresponsive).GetMethod(nameof(New))!.MakeGenericMethod(type).Invoke(null, null);
        }
    }
}
