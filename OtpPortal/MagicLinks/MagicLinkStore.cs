using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Http;
using OtpPortal.Jwt;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.MagicLinks;

/// <summary>A link that can be used: where it leads.</summary>
/// <param name="RedirectUrl">An http(s) address in plain ASCII.</param>
public sealed record OpenLink(string RedirectUrl)
{
    private Uri Address => new(RedirectUrl);

    /// <summary>The host that users see, as in the address: a look-alike in another script shows as xn--….</summary>
    public string Host => Address.IsDefaultPort ? HostName : $"{HostName}:{Address.Port}";

    // IdnHost is without the brackets of an IPv6 address.
    private string HostName => Address.HostNameType == UriHostNameType.IPv6 ? Address.Host : Address.IdnHost;
}

/// <summary>Magic links: made for a service account, used once by whoever holds them.</summary>
/// <remarks>
/// Key layout in the OTP database: <c>link:{SHA-256 of the secret}</c>, a string of JSON with its account, where it leads, and what its JWT
/// shall say; it lives as long as the link, and is good no longer than its account is there. Its end is decided from the stored instant.
/// Whoever deletes it has used it.
/// </remarks>
public sealed partial class MagicLinkStore(Stores stores, ServiceAccounts accounts, Jwts jwts, PortalSettings portal, TimeProvider time)
{
    /// <summary>Where links lead first: a page that does nothing by itself.</summary>
    public const string Path = "/magic-link";

    // 32 characters are 190 bits.
    private const int SecretLength = 32;

    // Redis keeps it a little longer than its end, which is decided here.
    private static readonly TimeSpan s_linger = TimeSpan.FromMinutes(1);

    private IDatabase Database => stores.Otp.Database;

    /// <summary>Makes a link and gives its secret.</summary>
    public async Task<string> CreateAsync(ServiceAccount account, LinkWish wish)
    {
        var secret = RandomText.New(SecretLength);
        var ends = time.GetUtcNow() + wish.Lifetime;
        var record = new LinkRecord(
            account.Id, account.Audience, wish.RedirectUrl, wish.QueryKey, wish.Jwt.Algorithm, wish.Jwt.Claims,
            (long)wish.Jwt.Lifetime.TotalSeconds, ends.ToUnixTimeMilliseconds());
        await Database.StringSetAsync(
            KeyOf(secret), JsonSerializer.Serialize(record, LinkJson.Default.LinkRecord), wish.Lifetime + s_linger);
        return secret;
    }

    public string AddressOf(string secret) => $"{portal.Origin}{Path}?secret={secret}";

    /// <summary>The link, or null when it is over, used, or was never made. Looking changes nothing.</summary>
    public async Task<OpenLink?> FindAsync(string? secret) =>
        await ReadAsync(secret) is { } record ? new OpenLink(record.RedirectUrl) : null;

    /// <summary>Uses the link: of any number of simultaneous callers one gets the address to go to, with a JWT in it.</summary>
    public async Task<string?> UseAsync(string? secret)
    {
        if (await ReadAsync(secret) is not { } record) return null;
        // Made before the link is used up, so that no link is lost when there is no key to be had.
        using var claims = JsonDocument.Parse(record.Claims);
        // An algorithm of before a restart without Ed25519: the link is worth more than its wish.
        var algorithm = jwts.Algorithms.All.Contains(record.Algorithm, StringComparer.Ordinal) ? record.Algorithm : jwts.Algorithms.Default;
        var jwt =
            await jwts.MakeAsync(algorithm, record.Audience, TimeSpan.FromSeconds(record.JwtSeconds), subject: null, claims.RootElement);
        return await Database.ClaimAsync(KeyOf(secret!)) ? WithQuery(record.RedirectUrl, record.QueryKey, jwt) : null;
    }

    /// <summary>Ends a link whose message nobody took.</summary>
    public Task WithdrawAsync(string secret) => Database.KeyDeleteAsync(KeyOf(secret));

    // The fragment stays at the end, and a value that the caller left under the same name gives way.
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
        // With a leaked key anybody can make links: once the account is removed, none of them signs anybody in.
        return await accounts.ExistsAsync(record.Account) ? record : null;
    }

    private static RedisKey KeyOf(string secret) => "link:" + Digest.Of(secret);

    internal sealed record LinkRecord(
        Guid Account, string Audience, string RedirectUrl, string QueryKey, string Algorithm, string Claims, long JwtSeconds, long Ends);

    [JsonSerializable(typeof(LinkRecord))]
    private sealed partial class LinkJson : JsonSerializerContext;
}
