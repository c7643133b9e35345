using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>Claims keys, so that exactly one caller gets each.</summary>
internal static class RedisClaims
{
    /// <summary>
    /// Deletes a key. Of concurrent callers, exactly one gets true. Uses a transaction instead of DEL's result, because the
    /// embedded store's DEL returns 0 for a key in the oldest part of its memory although it deletes it.
    /// </summary>
    public static Task<bool> ClaimAsync(this IDatabase database, RedisKey key) => ClaimAsync(database, key, Condition.KeyExists(key));

    /// <summary>Deletes a key if it still holds the value that was read; a newer value remains.</summary>
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
