using System.ComponentModel;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.MagicLinks;

/// <summary>A new account and its key, which is shown only once.</summary>
public sealed record NewAccount(ServiceAccount Account, string Key)
{
    /// <summary>Omits the key, so it cannot leak into logs.</summary>
    public override string ToString() => Account.ToString();
}

/// <summary>An account in a list.</summary>
/// <param name="Name">A name for administrators; may be empty.</param>
/// <param name="RedirectHosts">Allowed hosts of its links; empty allows all.</param>
public sealed record AccountEntry(
    [property: JsonPropertyName("uuid"), Description("The id of the account.")] Guid Id,
    [property: JsonPropertyName("name"), Description("The display name. Can be empty.")] string Name,
    [property: JsonPropertyName("aud"), Description("The audience of its JWTs.")] string Audience,
    [property: JsonPropertyName("redirect_hosts")]
    [property: Description("Hosts that its links may lead to. Empty: any.")]
    IReadOnlyList<string> RedirectHosts,
    [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt);

/// <summary>Manages the service accounts: the configured one, and those that it created.</summary>
/// <remarks>
/// Key layout in the token database: <c>v2:account:{SHA-256 of the API key}</c>, a hash of uuid, aud, name, created and
/// redirects (comma-separated hosts; empty for all); <c>v2:accounts</c>, a hash of uuid → that SHA-256, for lists and for
/// removal. A dump of Redis contains no usable key.
/// </remarks>
public sealed class ServiceAccounts(Stores stores, MagicLinkSettings settings, TimeProvider time)
{
    internal const int MinKeyLength = 16;
    internal const int MaxKeyLength = 128;

    /// <summary>Maximum length of a name in characters.</summary>
    public const int MaxNameLength = 100;

    /// <summary>Maximum number of hosts in an allow-list.</summary>
    public const int MaxHosts = 50;

    private const string Prefix = "v2:account:";
    private const string Index = "v2:accounts";

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>Returns whether a text has the form of a key. Malformed keys are never looked up.</summary>
    public static bool IsKey(string? text) =>
        text is { Length: >= MinKeyLength and <= MaxKeyLength } && text.All(c => c is > ' ' and <= '~' and not ':');

    /// <summary>Returns a key in the form for comparisons: magiclinksdev accepts every notation of a UUID.</summary>
    internal static string Canonical(string key) => TryParseUuid(key, out var uuid) ? uuid.ToString() : key;

    /// <summary>Parses a UUID in either case, with or without hyphens, in braces, or as a URN (RFC 9562, 4).</summary>
    internal static bool TryParseUuid(string text, out Guid uuid)
    {
        const string Urn = "urn:uuid:";
        if (text.StartsWith(Urn, StringComparison.OrdinalIgnoreCase)) return Guid.TryParseExact(text.AsSpan(Urn.Length), "D", out uuid);
        return Guid.TryParseExact(text, "D", out uuid) || Guid.TryParseExact(text, "N", out uuid)
            || Guid.TryParseExact(text, "B", out uuid);
    }

    /// <summary>
    /// Creates a UUID with 122 bits from the system's CSPRNG, because .NET does not guarantee that its own are unguessable.
    /// </summary>
    public static Guid NewGuid()
    {
        var random = RandomNumberGenerator.GetBytes(16);
        // Sets version 4 and the variant (RFC 9562, 5.4).
        random[6] = (byte)((random[6] & 0x0f) | 0x40);
        random[8] = (byte)((random[8] & 0x3f) | 0x80);
        return new Guid(random, bigEndian: true);
    }

    /// <summary>Returns the account with this key, or null.</summary>
    public async Task<ServiceAccount?> FindAsync(string key)
    {
        key = Canonical(key);
        if (settings.Admin is { } admin && admin.Key.Matches(key)) return admin.Account;
        var fields = await Database.HashGetAsync(KeyOf(key), ["uuid", "aud", "redirects"]);
        if (fields[0].IsNull) return null;
        var redirects = (string?)fields[2] is { Length: > 0 } hosts ? SafeRedirects.Parse(hosts.Split(',')) : null;
        return new ServiceAccount(Guid.ParseExact(fields[0]!, "D"), fields[1]!, IsAdmin: false, redirects);
    }

    /// <summary>Returns whether an account exists.</summary>
    public async Task<bool> ExistsAsync(Guid id) =>
        id == settings.Admin?.Account.Id || await Database.HashExistsAsync(Index, id.ToString());

    /// <summary>Creates an account without administrator rights.</summary>
    /// <param name="name">A name for administrators; may be empty.</param>
    /// <param name="hosts">Allowed hosts of its links, in the format of ALLOWED_REDIRECTS; empty allows all.</param>
    public async Task<NewAccount> CreateAsync(string name, IReadOnlyList<string> hosts)
    {
        var account =
            new ServiceAccount(NewGuid(), NewGuid().ToString(), IsAdmin: false, hosts.Count > 0 ? SafeRedirects.Parse(hosts) : null);
        // Clients of magiclinksdev parse keys as UUIDs.
        var key = NewGuid().ToString();
        var digest = Digest.Of(key);
        // The index first: an account without an entry could not be removed. An entry without an account is harmless.
        await Database.HashSetAsync(Index, account.Id.ToString(), digest);
        await Database.HashSetAsync(Prefix + digest,
        [
            new("uuid", account.Id.ToString()), new("aud", account.Audience), new("name", name), new("redirects", string.Join(',', hosts)),
            new("created", time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)),
        ]);
        return new NewAccount(account, key);
    }

    /// <summary>Lists the created accounts, oldest first, without the configured one.</summary>
    public async Task<IReadOnlyList<AccountEntry>> ListAsync()
    {
        var index = await Database.HashGetAllAsync(Index);
        var records = await Task.WhenAll(
            index.Select(entry => Database.HashGetAsync(
                Prefix + (string)entry.Value!, ["uuid", "aud", "redirects", "created", "name"])));
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
    /// Removes an account. Returns false if there is none. Its key, codes and links are invalid from then on, on all replicas.
    /// Its JWTs stay valid until they expire, because apps verify them on their own.
    /// </summary>
    public async Task<bool> RemoveAsync(Guid id)
    {
        var digest = await Database.HashGetAsync(Index, id.ToString());
        if (digest.IsNull) return false;
        // The account first: if the second step fails, its key is already invalid, and removing it again completes the removal.
        await Database.KeyDeleteAsync(Prefix + (string)digest!);
        return await Database.HashDeleteAsync(Index, id.ToString());
    }

    private static RedisKey KeyOf(string key) => Prefix + Digest.Of(key);
}
