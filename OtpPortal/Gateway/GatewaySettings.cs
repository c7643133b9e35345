using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.OneTimeCodes;
using OtpPortal.Security;

namespace OtpPortal.Gateway;

/// <summary>An application that uses the gateway. It can access only its own ids.</summary>
/// <param name="Name">1–64 letters, digits and <c>._-</c>; the user name in HTTP Basic.</param>
/// <param name="Events">The target of its events, or null.</param>
public sealed record Namespace(string Name, EventTarget? Events)
{
    private readonly SecretDigest? _secret;

    internal Namespace(string name, string secret, EventTarget? events) : this(name, events) => _secret = new SecretDigest(secret);

    /// <summary>Returns whether a text is the namespace's secret.</summary>
    internal bool Matches(string secret) => _secret is not null && _secret.Matches(secret);

    /// <summary>Binds the authenticated namespace to an endpoint parameter.</summary>
    public static ValueTask<Namespace> BindAsync(HttpContext context) =>
        ValueTask.FromResult(context.RequestServices.GetRequiredService<GatewaySettings>().Find(context.User.Identity!.Name!)!);

    public override string ToString() => Name;
}

/// <summary>The target of a namespace's <c>verified</c> and <c>locked</c> events.</summary>
/// <param name="Url">EVENTS_{NAMESPACE}_URL.</param>
/// <param name="Key">EVENTS_{NAMESPACE}_SECRET: the signature key, at least 16 characters.</param>
public sealed record EventTarget(Uri Url, byte[] Key)
{
    public override string ToString() => Url.ToString();
}

/// <summary>Settings of the gateway for other backends.</summary>
/// <param name="Namespaces">NAMESPACES: <c>name:secret,…</c>; empty disables the gateway.</param>
/// <param name="EmbedOrigins">EMBED_ORIGINS: origins whose pages may frame the hosted pages.</param>
/// <param name="PublishKey">GATEWAY_PUBLISH_KEY: the Redis channel for events.</param>
/// <param name="Terms">The defaults of requests, as for sign-ins (OTP_CODE_EXPIRY, OTP_MAX_ATTEMPTS, OTP_MAX_SENDS,
/// OTP_RESEND_COOLDOWN).</param>
/// <param name="CodeLength">OTP_CODE_LENGTH.</param>
public sealed partial record GatewaySettings(
    IReadOnlyList<Namespace> Namespaces, IReadOnlyList<string> EmbedOrigins, string? PublishKey, CodeOptions Terms, int CodeLength)
    : ISettings<GatewaySettings>
{
    // The placeholder in .env.sample.
    private const string SampleSecret = AuthSecret.SampleValue;

    // Compared with the secret for unknown namespaces, so that timing does not reveal which names exist.
    private static readonly Namespace s_unknownNamespace = new("", RandomNumberGenerator.GetHexString(64), null);

    /// <summary>Returns the namespace with this name and secret, or null.</summary>
    public Namespace? Authenticate(string name, string secret)
    {
        var candidate = Namespaces.FirstOrDefault(known => string.Equals(known.Name, name, StringComparison.Ordinal)) ?? s_unknownNamespace;
        return candidate.Matches(secret) ? candidate : null;
    }

    public Namespace? Find(string name) => Namespaces.FirstOrDefault(known => string.Equals(known.Name, name, StringComparison.Ordinal));

    public static GatewaySettings Read(SettingsReader reader)
    {
        var portal = reader.Get<PortalSettings>();
        var codes = reader.Get<CodeSettings>();
        var namespaces = new List<Namespace>();
        var prefixes = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in reader.SecretList("NAMESPACES"))
        {
            var colon = entry.IndexOf(':', StringComparison.Ordinal);
            var (name, secret) = colon < 0 ? (entry, "") : (entry[..colon].Trim(), entry[(colon + 1)..].Trim());
            if (colon < 0 || secret.Length == 0 || !Name().IsMatch(name))
            {
                // Omits the part after the colon, because it is a secret.
                var reason = colon < 0 ? "no colon" : secret.Length == 0 ? $"\"{name}\" has no secret" : "invalid name";
                reader.AddError($"NAMESPACES has an invalid entry ({reason}). "
                    + "It must be name:secret,name:secret with names of 1 to 64 letters, digits and ._-");
                continue;
            }
            if (namespaces.Exists(known => string.Equals(known.Name, name, StringComparison.Ordinal)))
            {
                reader.AddError($"NAMESPACES contains \"{name}\" twice. Each name can have only one secret.");
                continue;
            }
            if (reader.IsProduction && (secret == SampleSecret || secret.Length < AuthSecret.MinLength))
            {
                var problem = secret == SampleSecret ? "is the one from .env.sample" : "is too short";
                reader.AddError($"NAMESPACES: the secret of \"{name}\" {problem}. Set at least {AuthSecret.MinLength} random characters, "
                    + "such as the output of `openssl rand -hex 32`.");
            }
            namespaces.Add(new Namespace(name, secret, ReadEvents(reader, name, prefixes)));
        }
        var known = prefixes.SelectMany(prefix => (string[])[prefix + "URL", prefix + "SECRET", prefix + "SECRET_FILE"])
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var stray in reader.Names
            .Where(name => name.StartsWith("EVENTS_", StringComparison.OrdinalIgnoreCase) && !known.Contains(name)))
        {
            reader.AddError($"{stray} matches no namespace. The settings are EVENTS_{{NAMESPACE}}_URL and EVENTS_{{NAMESPACE}}_SECRET "
                + "for names in NAMESPACES, in upper case, with _ for other characters.");
        }

        var origins = new List<string>();
        foreach (var entry in reader.List("EMBED_ORIGINS"))
        {
            if (Uri.TryCreate(entry, UriKind.Absolute, out var uri)
                && uri.Scheme is "http" or "https" && uri is { PathAndQuery: "/", Fragment: "", UserInfo: "" }
                && !entry.Contains('*', StringComparison.Ordinal) && (uri.Scheme == "https" || uri.IsLoopback || !portal.IsProduction))
            {
                origins.Add(SettingsReader.WithAsciiHost(uri).GetLeftPart(UriPartial.Authority));
            }
            else
            {
                reader.AddError("EMBED_ORIGINS", entry, "a comma-separated list of origins such as https://app.example.com, "
                    + "without path or wildcard, with https in Production except for localhost");
            }
        }

        var key = reader.Line("GATEWAY_PUBLISH_KEY", "", 200);
        return new GatewaySettings(namespaces, origins, key.Length == 0 ? null : key, codes.Terms, codes.CodeLength);
    }

    private static EventTarget? ReadEvents(SettingsReader reader, string name, HashSet<string> prefixes)
    {
        var prefix = "EVENTS_" + NotInNames().Replace(name.ToUpperInvariant(), "_") + "_";
        if (!prefixes.Add(prefix) && reader.Text(prefix + "URL") is not null)
        {
            reader.AddError(
                $"{prefix}URL matches two namespaces. Namespaces with events must have names that differ in letters or digits.");
            return null;
        }
        var url = reader.WebAddress(prefix + "URL", null);
        var secret = reader.Secret(prefix + "SECRET");
        if (url is null)
        {
            if (secret is not null && reader.Text(prefix + "URL") is null)
            {
                reader.AddError($"{prefix}URL is missing. {prefix}SECRET signs what is posted to it.");
            }
            return null;
        }
        if (secret is { Length: >= 16 }) return new EventTarget(url, Encoding.UTF8.GetBytes(secret));
        reader.AddError($"{prefix}SECRET {(secret is null ? "is missing" : "is too short")}. "
            + $"Set at least 16 characters to sign what is posted to {prefix}URL.");
        return null;
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex Name();

    [GeneratedRegex("[^A-Z0-9]", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex NotInNames();
}
