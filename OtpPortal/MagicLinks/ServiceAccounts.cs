using System.ComponentModel;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.MagicLinks;

/// <summary>An account that has just been made, with the key that is told this once.</summary>
public sealed record NewAccount(ServiceAccount Account, string Key)
{
    /// <summary>Leaves the key out, so that no log line can hold it.</summary>
    public override string ToString() => Account.ToString();
}

/// <summary>An account, as lists show it.</summary>
/// <param name="Name">What people know it by; may be empty.</param>
/// <param name="RedirectHosts">Where its links may lead; empty for anywhere.</param>
public sealed record AccountEntry(
    [property: JsonPropertyName("uuid"), Description("The id of the account.")] Guid Id,
    [property: JsonPropertyName("name"), Description("The display name. Can be empty.")] string Name,
    [property: JsonPropertyName("aud"), Description("The audience of its JWTs.")] string Audience,
    [property: JsonPropertyName("redirect_hosts")]
    [property: Description("Hosts that its links may lead to. Empty: any.")]
    IReadOnlyList<string> RedirectHosts,
    [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt);

/// <summary>The service accounts: the one from the settings, and those that it made.</summary>
/// <remarks>
/// Key layout in the token database: <c>v2:account:{SHA-256 of the API key}</c>, a hash of uuid, aud, name, created, and redirects (hosts
/// with commas between them; empty for anywhere); <c>v2:accounts</c>, a hash of uuid → that SHA-256, for lists and for taking an account
/// away. A dump of Redis opens none of them.
/// </remarks>
public sealed class ServiceAccounts(Stores stores, MagicLinkSettings settings, TimeProvider time)
{
    internal const int MinKeyLength = 16;
    internal const int MaxKeyLength = 128;

    /// <summary>Characters of a name, at most.</summary>
    public const int MaxNameLength = 100;

    /// <summary>Hosts of an allow-list, at most.</summary>
    public const int MaxHosts = 50;

    private const string Prefix = "v2:account:";
    private const string Index = "v2:accounts";

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Whether a text could be a key at all; what could not is never looked up.</summary>
    public static bool IsKey(string? text) =>
        text is { Length: >= MinKeyLength and <= MaxKeyLength } && text.All(c => c is > ' ' and <= '~' and not ':');

    /// <summary>Returns a key as it is compared: to magiclinksdev keys are UUIDs, in any spelling.</summary>
    internal static string Canonical(string key) => TryParseUuid(key, out var uuid) ? uuid.ToString() : key;

    /// <summary>Reads a UUID in either case, with or without hyphens, in braces, or as a URN (RFC 9562, 4).</summary>
    internal static bool TryParseUuid(string text, out Guid uuid)
    {
        const string Urn = "urn:uuid:";
        if (text.StartsWith(Urn, StringComparison.OrdinalIgnoreCase)) return Guid.TryParseExact(text.AsSpan(Urn.Length), "D", out uuid);
        return Guid.TryParseExact(text, "D", out uuid) || Guid.TryParseExact(text, "N", out uuid)
            || Guid.TryParseExact(text, "B", out uuid);
    }

    /// <summary>A UUID of 122 bits from the system's CSPRNG: the framework's own are not promised to be unguessable.</summary>
    public static Guid NewGuid()
    {
        var random = RandomNumberGenerator.GetBytes(16);
        // Version 4, and the variant (RFC 9562, 5.4).
        random[6] = (byte)((random[6] & 0x0f) | 0x40);
        random[8] = (byte)((random[8] & 0x3f) | 0x80);
        return new Guid(random, bigEndian: true);
    }

    /// <summary>The account of this key, or null.</summary>
    public async Task<ServiceAccount?> FindAsync(string key)
    {
        key = Canonical(key);
        if (settings.Admin is { } admin && admin.Key.Matches(key)) return admin.Account;
        var fields = await Database.HashGetAsync(KeyOf(key), ["uuid", "aud", "redirects"]);
        if (fields[0].IsNull) return null;
        var redirects = (string?)fields[2] is { Length: > 0 } hosts ? SafeRedirects.Parse(hosts.Split(',')) : null;
        return new ServiceAccount(Guid.ParseExact(fields[0]!, "D"), fields[1]!, IsAdmin: false, redirects);
    }

    /// <summary>Whether there is an account of this id at all.</summary>
    public async Task<bool> ExistsAsync(Guid id) =>
        id == settings.Admin?.Account.Id || await Database.HashExistsAsync(Index, id.ToString());

    /// <summary>Makes an account that is no administrator.</summary>
    /// <param name="name">What people know it by; may be empty.</param>
    /// <param name="hosts">Where its links may lead, in the form of ALLOWED_REDIRECTS; empty for anywhere.</param>
    public async Task<NewAccount> CreateAsync(string name, IReadOnlyList<string> hosts)
    {
        var account =
            new ServiceAccount(NewGuid(), NewGuid().ToString(), IsAdmin: false, hosts.Count > 0 ? SafeRedirects.Parse(hosts) : null);
        // UUIDs, because the clients of magiclinksdev read them as such.
        var key = NewGuid().ToString();
        var digest = Digest.Of(key);
        var transaction = Database.CreateTransaction();
        _ = transaction.HashSetAsync(Prefix + digest,
        [
            new("uuid", account.Id.ToString()), new("aud", account.Audience), new("name", name), new("redirects", string.Join(',', hosts)),
            new("created", time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)),
        ]);
        _ = transaction.HashSetAsync(Index, account.Id.ToString(), digest);
        await transaction.ExecuteAsync();
        return new NewAccount(account, key);
    }

    /// <summary>The accounts that were made, the oldest first; that of the settings is not among them.</summary>
    public async Task<IReadOnlyList<AccountEntry>> ListAsync()
    {
        var index = await Database.HashGetAllAsync(Index);
        var records = await Task.WhenAll(
            index.Select(entry => Database.HashGetAsync(Prefix + (string)entry.Value!, ["uuid", "aud", "redirects", "created", "name"])));
        return
        [
            .. records.Where(fields => !fields[0].IsNull)
                .Select(fields => new AccountEntry(
                    Guid.ParseExact(fields[0]!, "D"), (string?)fields[4] ?? "", fields[1]!,
                    ((string?)fields[2] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries),
                    DateTimeOffset.FromUnixTimeMilliseconds((long)fields[3])))
                .OrderBy(account => account.CreatedAt).ThenBy(account => account.Id),
        ];
    }

    /// <summary>
    /// Removes an account; false when there is none. Its key, its codes and its links open nothing from then on, on every replica; its
    /// JWTs, which apps verify by themselves, live on to their ends.
    /// </summary>
    public async Task<bool> RemoveAsync(Guid id)
    {
        var digest = await Database.HashGetAsync(Index, id.ToString());
        if (digest.IsNull) return false;
        var transaction = Database.CreateTransaction();
        _ = transaction.KeyDeleteAsync(Prefix + (string)digest!);
        _ = transaction.HashDeleteAsync(Index, id.ToString());
        return await transaction.ExecuteAsync();
    }

    private static RedisKey KeyOf(string key) => Prefix + Digest.Of(key);
}
