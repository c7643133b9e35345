using System.Globalization;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace OtpPortal.Client.Authentication;

/// <summary>The options of sign-in through a portal.</summary>
public sealed class OtpPortalAuthenticationOptions : AuthenticationSchemeOptions
{
    /// <summary>
    /// The portal's URL for browsers: scheme, host and port, such as <c>https://login.example.com</c>. Required.
    /// </summary>
    public Uri? Url { get; set; }

    /// <summary>The portal's URL for the app, such as <c>http://portal:3000</c>; null uses <see cref="Url"/>.</summary>
    public Uri? BackchannelUrl { get; set; }

    /// <summary>The name of the portal's cookie (its <c>AUTH_TOKEN_COOKIE_NAME</c>); <c>auth_token</c> by default.</summary>
    public string CookieName { get; set; } = OtpPortalDefaults.CookieName;

    /// <summary>
    /// How long a positive response of the portal is cached for requests with the same token: 0 to 60 s, 10 s by default. The
    /// app rejects a revoked session after this time at the latest.
    /// </summary>
    public TimeSpan CacheFor { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Maximum number of cached responses, about 500 bytes each: 1 to 1,000,000, 10,000 by default.</summary>
    public int CacheSize { get; set; } = 10_000;

    /// <summary>
    /// The time limit of a request to the portal: 100 ms to 60 s, 5 s by default. The app responds 503 if it is exceeded.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    internal IEnumerable<string> GetErrors() =>
    [
        .. OptionChecks.Origin(Name(nameof(Url)), Url, isNeeded: true),
        .. OptionChecks.Origin(Name(nameof(BackchannelUrl)), BackchannelUrl, isNeeded: false),
        .. CookieName is { Length: > 0 }
            && CookieName.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal))
            ? Array.Empty<string>()
            : [$"{Name(nameof(CookieName))} must be a cookie name (RFC 6265)."],
        .. OptionChecks.Between(Name(nameof(CacheFor)), CacheFor, TimeSpan.Zero, TimeSpan.FromSeconds(60)),
        .. CacheSize is >= 1 and <= 1_000_000
            ? Array.Empty<string>()
            : [string.Create(
                CultureInfo.InvariantCulture, $"{Name(nameof(CacheSize))} must be between 1 and 1000000, but is {CacheSize}.")],
        .. OptionChecks.Between(Name(nameof(Timeout)), Timeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(60)),
    ];

    private static string Name(string option) => nameof(OtpPortalAuthenticationOptions) + "." + option;

    internal sealed class Check(string scheme) : IValidateOptions<OtpPortalAuthenticationOptions>
    {
        public ValidateOptionsResult Validate(string? name, OtpPortalAuthenticationOptions options) =>
            name == scheme ? OptionChecks.ToResult(options.GetErrors()) : ValidateOptionsResult.Skip;
    }
}

/// <summary>Default names.</summary>
public static class OtpPortalDefaults
{
    /// <summary>The default name of the authentication scheme.</summary>
    public const string AuthenticationScheme = "OtpPortal";

    /// <summary>The default name of the portal's cookie.</summary>
    public const string CookieName = "auth_token";
}
