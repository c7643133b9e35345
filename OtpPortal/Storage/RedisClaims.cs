using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>Claims keys, so that exactly one caller gets each.</summary>
internal static class RedisClaims
{
    /// <summary>
    /// Deletes a key. Of concurrent callers, exactly one gets true. Uses a transaction instead of DEL's result, because the
    /// embedded store's DEL returns 0 for a key in the oldest part of its memory although it deletes it.
    /// </summary>
    public static Task<bool> ClaimAsync(this StoreDatabase database, RedisKey key) =>
        database.TransactAsync(KeyCondition.Exists(key), transaction => _ = transaction.KeyDeleteAsync(key));

    /// <summary>Deletes a key if it still holds the value that was read; a newer value remains.</summary>
    public static Task<bool> ClaimAsync(this StoreDatabase database, RedisKey key, RedisValue value) =>
        database.TransactAsync(KeyCondition.Holds(key, value), transaction => _ = transaction.KeyDeleteAsync(key));
}
