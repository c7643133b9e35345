using System.Globalization;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Admin;

/// <summary>Stores the short-lived sessions of administrators who signed in with AUTH_SECRET_KEY.</summary>
/// <remarks>
/// Key layout in the token database: <c>admin:{SHA-256 of the id}</c> = begun|last used|root. Timestamps are Unix milliseconds
/// and determine expiry; key expiry in Redis only cleans up. Using a session is SET XX, which cannot restore an ended one. The
/// root is derived from AUTH_SECRET_KEY, so replacing a leaked key ends the sessions started with it.
/// </remarks>
public sealed class AdminSessionStore(Stores stores, AuthSecret secret, TimeProvider time)
{
    /// <summary>The idle timeout.</summary>
    internal static readonly TimeSpan IdleLifetime = TimeSpan.FromMinutes(15);

    /// <summary>The absolute timeout.</summary>
    internal static readonly TimeSpan MaxAge = TimeSpan.FromHours(8);

    private readonly string _root = Convert.ToHexStringLower(secret.DeriveKey("admin-sessions", 8));

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Begins a session and returns its id, a secret that only the cookie contains.</summary>
    public async Task<string> BeginAsync()
    {
        var id = RandomText.New(43);
        var now = time.GetUtcNow();
        await Database.StringSetAsync(KeyOf(NameOf(id)), Write(now, now), IdleLifetime);
        return id;
    }

    /// <summary>Returns a session's name in the store. Not a secret: pages and circuits may contain it.</summary>
    public static string NameOf(string id) => Digest.Of(id);

    /// <summary>Returns whether a session is live. Does not count as use.</summary>
    public async Task<bool> IsLiveAsync(string name) => await FindAsync(name) is not null;

    /// <summary>Restarts the idle timeout of a session. Returns false if it has expired or was ended.</summary>
    public async Task<bool> UseAsync(string name)
    {
        if (await FindAsync(name) is not { } begun) return false;
        var now = time.GetUtcNow();
        var left = begun + MaxAge - now;
        return await Database.StringSetAsync(KeyOf(name), Write(begun, now), left < IdleLifetime ? left : IdleLifetime, When.Exists);
    }

    /// <summary>Ends a session in all browser windows and circuits.</summary>
    public Task EndAsync(string name) => Database.KeyDeleteAsync(KeyOf(name));

    private async Task<DateTimeOffset?> FindAsync(string name)
    {
        var stored = (string?)await Database.StringGetAsync(KeyOf(name));
        if (stored?.Split('|') is not [var begun, var used, var root] || root != _root) return null;
        var now = time.GetUtcNow();
        return now < Instant(used) + IdleLifetime && now < Instant(begun) + MaxAge ? Instant(begun) : null;
    }

    private string Write(DateTimeOffset begun, DateTimeOffset used) =>
        string.Create(CultureInfo.InvariantCulture, $"{begun.ToUnixTimeMilliseconds()}|{used.ToUnixTimeMilliseconds()}|{_root}");

    private static DateTimeOffset Instant(string text) =>
        DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(text, CultureInfo.InvariantCulture));

    private static RedisKey KeyOf(string name) => "admin:" + name;
}
