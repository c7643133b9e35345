using System.Security.Cryptography;
using System.Text;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>Stores each user agent once, because many sessions have the same one.</summary>
/// <remarks>
/// Key layout in the token database:
/// <code>
/// ua:{digest}  string  the user agent; expires when no session with it can be live
/// </code>
/// </remarks>
public sealed class UserAgents(Stores stores)
{
    private const int DigestLength = 8;

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Returns the digest under which a user agent is stored: the first 64 bits of its SHA-256.</summary>
    internal static byte[] DigestOf(string userAgent) => SHA256.HashData(Encoding.UTF8.GetBytes(userAgent))[..DigestLength];

    /// <summary>Stores a user agent for at least <paramref name="lifetime"/>, the idle lifetime of its session.</summary>
    internal Task StoreAsync(string userAgent, TimeSpan lifetime) =>
        Database.StringSetAsync(KeyOf(DigestOf(userAgent)), userAgent, lifetime);

    /// <summary>Keeps a user agent for at least <paramref name="lifetime"/>, because its session has been used.</summary>
    internal Task ExtendAsync(byte[] digest, TimeSpan lifetime) => Database.KeyExpireAsync(KeyOf(digest), lifetime);

    /// <summary>Reads user agents. The result returns an empty text for a digest that is not stored.</summary>
    internal async Task<Func<byte[], string>> ReadAsync(IEnumerable<byte[]> digests)
    {
        var keys = digests.Select(KeyOf).Distinct().ToList();
        var texts = await Task.WhenAll(keys.Select(key => Database.StringGetAsync(key)));
        var found = keys.Zip(texts).ToDictionary(pair => pair.First, pair => (string?)pair.Second ?? "");
        return digest => found[KeyOf(digest)];
    }

    private static RedisKey KeyOf(byte[] digest) => "ua:" + Convert.ToHexStringLower(digest);
}
