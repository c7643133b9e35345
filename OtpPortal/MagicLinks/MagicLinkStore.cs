using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Http;
using OtpPortal.Jwt;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.MagicLinks;

/// <summary>A usable link.</summary>
/// <param name="RedirectUrl">The target: an http(s) URL in plain ASCII.</param>
public sealed record OpenLink(string RedirectUrl)
{
    private Uri Address => new(RedirectUrl);

    /// <summary>The host to show to users, in ASCII: a look-alike in another script appears as xn--….</summary>
    public string Host => Address.IsDefaultPort ? HostName : $"{HostName}:{Address.Port}";

    // IdnHost omits the brackets of an IPv6 address.
    private string HostName => Address.HostNameType == UriHostNameType.IPv6 ? Address.Host : Address.IdnHost;
}

/// <summary>Stores the magic links of service accounts. Each can be used once.</summary>
/// <remarks>
/// Key layout in the OTP database: <c>link:{SHA-256 of the secret}</c>, JSON with the account, the target and the claims of the
/// JWT. It expires with the link, and is valid only while its account exists. The stored timestamp determines expiry. The
/// caller that deletes the key has used the link.
/// </remarks>
public sealed partial class MagicLinkStore(Stores stores, ServiceAccounts accounts, JwtService jwts, PortalSettings portal,
    TimeProvider time)
{
    /// <summary>The path that links point to: a page without side effects.</summary>
    public const string Path = "/magic-link";

    // 32 characters have 190 bits.
    private const int SecretLength = 32;

    // The key expires later than the link, because the stored timestamp is authoritative.
    private static readonly TimeSpan s_retention = TimeSpan.FromMinutes(1);

    private StoreDatabase Database => stores.Otp.Database;

    /// <summary>Creates a link and returns its secret.</summary>
    public async Task<string> CreateAsync(ServiceAccount account, LinkRequest wish)
    {
        var secret = RandomText.New(SecretLength);
        var ends = time.GetUtcNow() + wish.Lifetime;
        var record = new LinkRecord(
            account.Id, account.Audience, wish.RedirectUrl, wish.QueryKey, wish.Jwt.Algorithm, wish.Jwt.Claims,
            (long)wish.Jwt.Lifetime.TotalSeconds, ends.ToUnixTimeMilliseconds());
        await Database.StringSetAsync(
            KeyOf(secret), JsonSerializer.Serialize(record, LinkJson.Default.LinkRecord), wish.Lifetime + s_retention);
        return secret;
    }

    public string AddressOf(string secret) => $"{portal.Origin}{Path}?secret={secret}";

    /// <summary>Returns the link, or null if it has expired, was used or never existed. Changes nothing.</summary>
    public async Task<OpenLink?> FindAsync(string? secret) =>
        await ReadAsync(secret) is { } record ? new OpenLink(record.RedirectUrl) : null;

    /// <summary>Uses the link. Exactly one of concurrent callers gets the target URL, with a JWT in it.</summary>
    public async Task<string?> UseAsync(string? secret)
    {
        if (await ReadAsync(secret) is not { } record) return null;
        // Creates the JWT before using up the link, so that a failure does not lose the link.
        using var claims = JsonDocument.Parse(record.Claims);
        // The algorithm may have become unavailable since (a restart without Ed25519): the default keeps the link usable.
        var algorithm = jwts.Algorithms.All.Contains(record.Algorithm, StringComparer.Ordinal) ? record.Algorithm : jwts.Algorithms.Default;
        var jwt =
            await jwts.CreateAsync(algorithm, record.Audience, TimeSpan.FromSeconds(record.JwtSeconds), subject: null, claims.RootElement);
        return await Database.ClaimAsync(KeyOf(secret!)) ? WithQuery(record.RedirectUrl, record.QueryKey, jwt) : null;
    }

    /// <summary>Removes a link whose message could not be sent.</summary>
    public Task WithdrawAsync(string secret) => Database.KeyDeleteAsync(KeyOf(secret));

    // Keeps the fragment at the end, and replaces existing values of the same name.
    internal static string WithQuery(string url, string key, string value)
    {
        var name = Uri.EscapeDataString(key);
        var (rest, fragment) = url.IndexOf('#', StringComparison.Ordinal) is >= 0 and var hash ? (url[..hash], url[hash..]) : (url, "");
        var (path, query) = rest.IndexOf('?', StringComparison.Ordinal) is >= 0 and var mark
            ? (rest[..mark], rest[(mark + 1)..]) : (rest, "");
        var kept = query.Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(pair => Uri.UnescapeDataString(pair.Split('=')[0].Replace('+', ' ')) != key);
        return $"{path}?{string.Join('&', kept.Append($"{name}={Uri.EscapeDataString(value)}"))}{fragment}";
    }

    private async Task<LinkRecord?> ReadAsync(string? secret)
    {
        if (secret is not { Length: SecretLength } || !secret.All(char.IsAsciiLetterOrDigit)) return null;
        if ((string?)await Database.StringGetAsync(KeyOf(secret)) is not { } json) return null;
        var record = JsonSerializer.Deserialize(json, LinkJson.Default.LinkRecord)!;
        if (time.GetUtcNow().ToUnixTimeMilliseconds() >= record.Ends) return null;
        // A leaked key can create links: once the account is removed, none of them may sign a user in.
        return await accounts.ExistsAsync(record.Account) ? record : null;
    }

    private static RedisKey KeyOf(string secret) => "link:" + Digest.Of(secret);

    internal sealed record LinkRecord(
        Guid Account, string Audience, string RedirectUrl, string QueryKey, string Algorithm, string Claims, long JwtSeconds, long Ends);

    [JsonSerializable(typeof(LinkRecord))]
    private sealed partial class LinkJson : JsonSerializerContext;
}
