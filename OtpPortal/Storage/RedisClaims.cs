using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>What may be had once.</summary>
internal static class RedisClaims
{
    /// <summary>
    /// Deletes a key; of any number of simultaneous callers exactly one is told that it was there. A transaction rather than DEL's count,
    /// because the embedded store deletes a key in the oldest part of its memory and answers 0 all the same.
    /// </summary>
    public static Task<bool> ClaimAsync(this IDatabase database, RedisKey key) => ClaimAsync(database, key, static _ => { });

    /// <summary>As the other one; <paramref name="also"/> adds what happens in the same step, for the one caller alone.</summary>
    public static Task<bool> ClaimAsync(this IDatabase database, RedisKey key, Action<ITransaction> also)
    {
        var transaction = database.CreateTransaction();
        transaction.AddCondition(Condition.KeyExists(key));
        _ = transaction.KeyDeleteAsync(key);
        also(transaction);
        return transaction.ExecuteAsync();
    }
}
