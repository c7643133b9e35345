using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Jwt;
using OtpPortal.OneTimeCodes;
using OtpPortal.Security;

namespace OtpPortal.MagicLinks;

/// <summary>The API of service accounts.</summary>
/// <param name="Admin">V2_ADMIN_ACCOUNT: the account that makes the others; null: there are no more than were made before.</param>
/// <param name="MaxAttempts">OTP_MAX_ATTEMPTS: tries a code, where it is long enough for so many.</param>
public sealed record MagicLinkSettings(ConfiguredAccount? Admin, int MaxAttempts) : ISettings<MagicLinkSettings>
{
    private const string Setting = "V2_ADMIN_ACCOUNT";

    /// <summary>The sample of <see cref="Setting"/> in .env.sample; a portal in Production refuses to start with it.</summary>
    internal const string SampleKey = "replace-me-with-a-uuid";

    public static MagicLinkSettings Read(SettingsReader reader)
    {
        var jwt = reader.Get<JwtSettings>();
        var maxAttempts = reader.Get<CodeSettings>().MaxAttempts;
        var redirects = reader.List("V2_ADMIN_REDIRECTS") is { Count: > 0 } ? SafeRedirects.Read(reader, "V2_ADMIN_REDIRECTS") : null;
        if (reader.Secret(Setting) is not { } text)
        {
            if (redirects is not null) reader.AddError($"{Setting} is missing. V2_ADMIN_REDIRECTS applies to that account.");
            return new MagicLinkSettings(Admin: null, maxAttempts);
        }
        // The value holds a secret, so no complaint repeats it. The audience comes last, because it may be an address with colons.
        var parts = text.Split(':', 3);
        string? problem = null;
        if (parts.Length != 3) problem = "is not of the form uuid:apiKey:aud";
        else if (!Guid.TryParseExact(parts[0], "D", out _)) problem = "does not begin with a UUID such as the output of `uuidgen`";
        else if (parts[1] == SampleKey && reader.IsProduction) problem = "has the key from .env.sample";
        else if (!ServiceAccounts.IsKey(parts[1]))
        {
            problem = $"has a key that is not {ServiceAccounts.MinKeyLength} to {ServiceAccounts.MaxKeyLength} visible ASCII characters "
                + "without a colon, preferably a UUID";
        }
        else if (parts[2].Trim() is not { Length: > 0 and <= 200 } || parts[2].Any(char.IsControl))
        {
            problem = "does not end with an audience of 1 to 200 characters";
        }
        // Whoever has the account could else make tokens that say of anybody that they are signed in here.
        else if (parts[2].Trim() == jwt.Audience)
        {
            problem = "has the audience of TOKEN_AUDIENCE (or APP_NAME), so its tokens would look like those of signed-in users";
        }
        if (problem is null)
        {
            return new MagicLinkSettings(
                new ConfiguredAccount(
                    new ServiceAccount(Guid.Parse(parts[0]), parts[2].Trim(), IsAdmin: true, redirects),
                    new SecretDigest(ServiceAccounts.Canonical(parts[1]))), maxAttempts);
        }
        reader.AddError($"{Setting} {problem}. It must be uuid:apiKey:aud.");
        return new MagicLinkSettings(Admin: null, maxAttempts);
    }
}

/// <summary>An account with its key, from a setting.</summary>
public sealed record ConfiguredAccount(ServiceAccount Account, SecretDigest Key);
