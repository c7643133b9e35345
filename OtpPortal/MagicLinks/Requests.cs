using OtpPortal.Http;
using OtpPortal.Jwt;

namespace OtpPortal.MagicLinks;

/// <summary>A wish for a code; every part was checked.</summary>
/// <param name="Lifetime">At most <see cref="Requests.MaxCodeLifetime"/>, whatever was asked for.</param>
public sealed record CodeWish(string Alphabet, int Length, TimeSpan Lifetime);

/// <summary>A wish for a JWT.</summary>
/// <param name="Claims">A JSON object without registered claims, as it was sent.</param>
public sealed record JwtWish(string Algorithm, string Claims, TimeSpan Lifetime);

/// <summary>A wish for a magic link.</summary>
/// <param name="RedirectUrl">An http(s) address in plain ASCII.</param>
public sealed record LinkWish(JwtWish Jwt, TimeSpan Lifetime, string QueryKey, string RedirectUrl);

/// <summary>What a mail shall say. All of it is text: nothing of it is markup in the mail.</summary>
public sealed record MailWish(
    string To, string ToName, string ServiceName, string Subject, string Title, string Greeting, string SubTitle, string ButtonText,
    string LogoImageUrl, string LogoClickUrl);

/// <summary>Reads the requests of the API, field by field as its OpenAPI document has them.</summary>
internal sealed class Requests(JwtAlgorithms algorithms)
{
    /// <summary>
    /// 250 years of 366 days: what magiclinksdev takes. Tokens and links may live so long, because they cannot be guessed.
    /// </summary>
    public const long MaxLifespan = 7_905_600_000;

    internal const long MinLifespan = 5;
    private const int MaxClaimBytes = 4096;

    /// <summary>
    /// Codes can be guessed, so none is good for longer (the gateway's bound, too); a longer lifespan is taken and cut to this.
    /// </summary>
    public static readonly TimeSpan MaxCodeLifetime = TimeSpan.FromHours(1);

    public static CodeWish Code(RequestFields fields)
    {
        var (lower, upper, digits) = (fields.Flag("charSetAlphaLower"), fields.Flag("charSetAlphaUpper"), fields.Flag("charSetNumeric"));
        var alphabet = (lower == true ? "abcdefghijklmnopqrstuvwxyz" : "")
            + (upper == true ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "") + (digits == true ? "0123456789" : "");
        if (alphabet.Length == 0)
        {
            if (lower is not null || upper is not null || digits is not null)
                fields.Complain("charSetNumeric", "or another character set must be true");
            alphabet = "0123456789";
        }
        var length = (int)fields.Number("length", 6, 1, 12);
        var lifespan = TimeSpan.FromSeconds(fields.Number("lifespanSeconds", 3600, MinLifespan, MaxLifespan));
        return new CodeWish(alphabet, length, lifespan < MaxCodeLifetime ? lifespan : MaxCodeLifetime);
    }

    public JwtWish Jwt(RequestFields fields)
    {
        var algorithm = fields.Text("alg", 0, 20) is { Length: > 0 } asked ? asked : algorithms.Default;
        if (!algorithms.All.Contains(algorithm, StringComparer.Ordinal)) fields.Complain("alg", $"must be {algorithms.Allowed}");
        var claims = fields.Raw("claims", MaxClaimBytes);
        // In small letters or large: there are readers of JSON to whom both are the same name, and a claim "SUB" would be a subject to
        // them.
        foreach (var name in Jwts.RegisteredClaims.Where(
            name => claims?.EnumerateObject().Any(claim => name.Equals(claim.Name, StringComparison.OrdinalIgnoreCase)) == true))
        {
            fields.Complain("claims", $"must not contain {name}: the portal sets the registered claims (RFC 7519, 4.1)");
        }
        var lifespan = TimeSpan.FromSeconds(fields.Number("lifespanSeconds", 300, MinLifespan, MaxLifespan));
        return new JwtWish(algorithm, claims?.GetRawText() ?? "{}", lifespan);
    }

    public LinkWish Link(RequestFields fields, ServiceAccount account)
    {
        var jwt = Jwt(fields.Object("jwtCreateParams", required: false));
        var lifespan = TimeSpan.FromSeconds(fields.Number("lifespanSeconds", 3600, MinLifespan, MaxLifespan));
        var key = fields.Text("redirectQueryKey") is { Length: > 0 } asked ? asked : "jwt";
        var url = WebAddress.Parse(fields.Text("redirectURL", 1));
        if (url is null)
        {
            fields.Complain("redirectURL", $"must be an absolute http:// or https:// URL of at most {WebAddress.MaxLength} characters");
        }
        // The host of the allow-list gets the user information, too: what it does with that is its own affair.
        else if (account.Redirects is { } allowed && !allowed.Allows(url.WithoutUser))
        {
            fields.Complain("redirectURL", "must be within the redirectHosts of this account");
        }
        return new LinkWish(jwt, lifespan, key, url?.Value ?? "");
    }

    public static MailWish Mail(RequestFields fields)
    {
        var serviceName = fields.Text("serviceName", 1, 256);
        var subject = fields.Text("subject", 5, 100);
        var title = fields.Text("title", 5, 256, multiline: true);
        var to = MailRecipient.Parse(fields.Text("toEmail", 1));
        if (to is null) fields.Complain("toEmail", "must be one email address, such as ann@example.com or Ann <ann@example.com>");
        var button = fields.Text("buttonText", multiline: true);
        return new MailWish(
            to ?? "", fields.Text("toName"), serviceName, subject, title, fields.Text("greeting", multiline: true),
            fields.Text("subTitle", multiline: true), button.Length > 0 ? button : "Magic link",
            Picture(fields, "logoImageURL"), Picture(fields, "logoClickURL"));
    }

    /// <summary>A new account's name, and the hosts that its links may lead to; both are additions of ours.</summary>
    public static (string Name, IReadOnlyList<string> Hosts) Account(RequestFields fields)
    {
        var name = fields.Text("name", 0, ServiceAccounts.MaxNameLength);
        var hosts = fields.Texts("redirectHosts", ServiceAccounts.MaxHosts);
        if (hosts.Any(host => !SafeRedirects.IsEntry(host)))
            fields.Complain("redirectHosts", "must be hosts such as app.example.com, app.example.com:8443 or *.example.com");
        return (name, hosts);
    }

    private static string Picture(RequestFields fields, string name)
    {
        if (fields.Text(name) is not { Length: > 0 } text) return "";
        // No page names the host of this one, and a user name can look like one.
        if (WebAddress.Parse(text) is { HasUser: false } url) return url.Value;
        fields.Complain(
            name, $"must be an absolute http:// or https:// URL of at most {WebAddress.MaxLength} characters, without user name");
        return "";
    }
}
