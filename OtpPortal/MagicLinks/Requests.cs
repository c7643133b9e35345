using OtpPortal.Http;
using OtpPortal.Jwt;

namespace OtpPortal.MagicLinks;

/// <summary>A validated request for a code.</summary>
/// <param name="Lifetime">At most <see cref="Requests.MaxCodeLifetime"/>, whatever was requested.</param>
public sealed record CodeRequest(string Alphabet, int Length, TimeSpan Lifetime);

/// <summary>A validated request for a JWT.</summary>
/// <param name="Claims">A JSON object without registered claims, as it was sent.</param>
public sealed record JwtRequest(string Algorithm, string Claims, TimeSpan Lifetime);

/// <summary>A validated request for a magic link.</summary>
/// <param name="RedirectUrl">An http(s) URL in plain ASCII.</param>
public sealed record LinkRequest(JwtRequest Jwt, TimeSpan Lifetime, string QueryKey, string RedirectUrl);

/// <summary>The content of an email. All of it is plain text, without markup.</summary>
public sealed record MailRequest(
    string To, string ToName, string ServiceName, string Subject, string Title, string Greeting, string SubTitle, string ButtonText,
    string LogoImageUrl, string LogoClickUrl);

/// <summary>Reads the API's requests field by field, as its OpenAPI document describes them.</summary>
internal sealed class Requests(JwtAlgorithms algorithms)
{
    /// <summary>
    /// 250 years of 366 days, as in magiclinksdev. Tokens and links may live this long, because they cannot be guessed.
    /// </summary>
    public const long MaxLifespan = 7_905_600_000;

    internal const long MinLifespan = 5;
    private const int MaxClaimBytes = 4096;

    /// <summary>
    /// Codes can be guessed, so a longer lifetime is reduced to this value, which is also the gateway's maximum.
    /// </summary>
    public static readonly TimeSpan MaxCodeLifetime = TimeSpan.FromHours(1);

    public static CodeRequest Code(RequestFields fields)
    {
        var (lower, upper, digits) = (fields.Flag("charSetAlphaLower"), fields.Flag("charSetAlphaUpper"), fields.Flag("charSetNumeric"));
        var alphabet = (lower == true ? "abcdefghijklmnopqrstuvwxyz" : "")
            + (upper == true ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "") + (digits == true ? "0123456789" : "");
        if (alphabet.Length == 0)
        {
            if (lower is not null || upper is not null || digits is not null)
                fields.AddError("charSetNumeric", "or another character set must be true");
            alphabet = "0123456789";
        }
        var length = (int)fields.Number("length", 6, 1, 12);
        var lifespan = TimeSpan.FromSeconds(fields.Number("lifespanSeconds", 3600, MinLifespan, MaxLifespan));
        return new CodeRequest(alphabet, length, lifespan < MaxCodeLifetime ? lifespan : MaxCodeLifetime);
    }

    public JwtRequest Jwt(RequestFields fields)
    {
        var algorithm = fields.Text("alg", 0, 20) is { Length: > 0 } asked ? asked : algorithms.Default;
        if (!algorithms.All.Contains(algorithm, StringComparer.Ordinal)) fields.AddError("alg", $"must be {algorithms.Allowed}");
        var claims = fields.Raw("claims", MaxClaimBytes);
        // Case-insensitive: some JSON readers ignore the case of names, and would take a claim "SUB" for the subject.
        foreach (var name in JwtService.RegisteredClaims.Where(
            name => claims?.EnumerateObject().Any(claim => name.Equals(claim.Name, StringComparison.OrdinalIgnoreCase)) == true))
        {
            fields.AddError("claims", $"must not contain {name}: the portal sets the registered claims (RFC 7519, 4.1)");
        }
        var lifespan = TimeSpan.FromSeconds(fields.Number("lifespanSeconds", 300, MinLifespan, MaxLifespan));
        return new JwtRequest(algorithm, claims?.GetRawText() ?? "{}", lifespan);
    }

    public LinkRequest Link(RequestFields fields, ServiceAccount account)
    {
        var jwt = Jwt(fields.Object("jwtCreateParams", required: false));
        var lifespan = TimeSpan.FromSeconds(fields.Number("lifespanSeconds", 3600, MinLifespan, MaxLifespan));
        var key = fields.Text("redirectQueryKey") is { Length: > 0 } asked ? asked : "jwt";
        var url = WebAddress.Parse(fields.Text("redirectURL", 1));
        if (url is null)
        {
            fields.AddError("redirectURL", $"must be an absolute http:// or https:// URL of at most {WebAddress.MaxLength} characters");
        }
        // The user information goes only to an allowed host, so the allow-list ignores it.
        else if (account.Redirects is { } allowed && !allowed.Allows(url.WithoutUser))
        {
            fields.AddError("redirectURL", "must be within the redirectHosts of this account");
        }
        return new LinkRequest(jwt, lifespan, key, url?.Value ?? "");
    }

    public static MailRequest Mail(RequestFields fields)
    {
        var serviceName = fields.Text("serviceName", 1, 256);
        var subject = fields.Text("subject", 5, 100);
        var title = fields.Text("title", 5, 256, multiline: true);
        var to = MailRecipient.Parse(fields.Text("toEmail", 1));
        if (to is null) fields.AddError("toEmail", "must be one email address, such as ann@example.com or Ann <ann@example.com>");
        var button = fields.Text("buttonText", multiline: true);
        return new MailRequest(
            to ?? "", fields.Text("toName"), serviceName, subject, title, fields.Text("greeting", multiline: true),
            fields.Text("subTitle", multiline: true), button.Length > 0 ? button : "Magic link",
            ImageUrl(fields, "logoImageURL"), ImageUrl(fields, "logoClickURL"));
    }

    /// <summary>Reads a new account's name and the allowed hosts of its links. Both are extensions to magiclinksdev.</summary>
    public static (string Name, IReadOnlyList<string> Hosts) Account(RequestFields fields)
    {
        var name = fields.Text("name", 0, ServiceAccounts.MaxNameLength);
        var hosts = fields.Texts("redirectHosts", ServiceAccounts.MaxHosts);
        if (hosts.Any(host => !SafeRedirects.IsEntry(host)))
            fields.AddError("redirectHosts", "must be hosts such as app.example.com, app.example.com:8443 or *.example.com");
        return (name, hosts);
    }

    private static string ImageUrl(RequestFields fields, string name)
    {
        if (fields.Text(name) is not { Length: > 0 } text) return "";
        // The user is not shown the host of this URL, and a user name could be made to look like a host.
        if (WebAddress.Parse(text) is { HasUser: false } url) return url.Value;
        fields.AddError(
            name, $"must be an absolute http:// or https:// URL of at most {WebAddress.MaxLength} characters, without user name");
        return "";
    }
}
