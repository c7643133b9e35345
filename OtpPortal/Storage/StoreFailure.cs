using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>A store cannot run a command now.</summary>
public sealed class StoreUnavailableException(string message) : Exception(message);

/// <summary>Distinguishes an unavailable store from a bug.</summary>
public static class StoreFailure
{
    // The first words of Redis's error messages. MOVED, ASK and TRYAGAIN are errors only if the client could not follow them.
    private static readonly string[] s_unavailable =
    [
        "LOADING", "READONLY", "MISCONF", "OOM", "MASTERDOWN", "NOAUTH", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK",
        "EXECABORT",
    ];

    /// <summary>
    /// Returns whether the exception means that Redis is down, restarting, loading or unresponsive. The response is then 503.
    /// </summary>
    public static bool Is(Exception? exception) => exception switch
    {
        null => false,
        RedisConnectionException or RedisTimeoutException or StoreUnavailableException => true,
        // A connection that was replaced while in use.
        ObjectDisposedException { ObjectName: var name } => name.Contains("Redis", StringComparison.Ordinal)
            || name.Contains("Multiplexer", StringComparison.Ordinal) || name.StartsWith("otpportal", StringComparison.Ordinal),
        RedisServerException server => IsUnavailable(server.Message),
        TimeoutException => true,
        RedisException => true,
        // This version of the client throws it for a command while it closes or opens a connection.
        NullReferenceException { Source: "StackExchange.Redis" } => true,
        AggregateException many => many.InnerExceptions.Any(Is),
        _ => Is(exception.InnerException),
    };

    /// <summary>
    /// Returns whether a server of a cluster did not run a command or transaction because the key is on another one, or on the
    /// way there.
    /// </summary>
    internal static bool IsRedirect(RedisServerException exception) =>
        CodeOf(exception.Message) is "MOVED" or "ASK" or "TRYAGAIN" or "EXECABORT" || IsUnfollowedRedirect(exception.Message);

    /// <summary>Returns whether an error message of Redis means that it is unavailable.</summary>
    internal static bool IsUnavailable(string message) => s_unavailable.Contains(CodeOf(message)) || IsUnfollowedRedirect(message);

    private static string CodeOf(string message) => message.Split(' ', 2)[0];

    // The client's own message for a redirect to a server that it does not know or is not connected to.
    private static bool IsUnfollowedRedirect(string message) => message.Contains("serving hashslot", StringComparison.Ordinal);
}
