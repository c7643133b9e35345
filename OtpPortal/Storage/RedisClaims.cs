using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>What may be had once.</summary>
internal static class RedisClaims
{
    /// <summary>
    /// Deletes a key; of any number of simultaneous callers exactly one is told that it was there. A transaction rather than DEL's count,
    /// because the embedded store deletes a key in the oldest part of its memory and answers 0 all the same.
    /// </summary>
    public static Task<bool> ClaimAsync(this IDatabase database, RedisKey key) => ClaimAsync(database, key, Condition.KeyExists(key));

    /// <summary>Deletes a key while it still holds the value that was read; one that was written meanwhile stays.</summary>
    public static Task<bool> ClaimAsync(this IDatabase database, RedisKey key, RedisValue value) =>
        ClaimAsync(database, key, Condition.StringEqual(key, value));

    private static Task<bool> ClaimAsync(IDatabase database, RedisKey key, Condition condition)
    {
        var transaction = database.CreateTransaction();
        transaction.AddCondition(condition);
        _ = transaction.KeyDeleteAsync(key);
        return transaction.ExecuteAsync();
    }
}
