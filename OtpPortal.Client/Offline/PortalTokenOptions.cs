using Microsoft.Extensions.Options;

namespace OtpPortal.Client;

/// <summary>Whose JWTs are good, and for whom they must be.</summary>
public sealed class PortalTokenOptions
{
    /// <summary>The portal's <c>PUBLIC_URL</c>: scheme, host and port. It is the issuer that JWTs must name. Needed.</summary>
    public Uri? Url { get; set; }

    /// <summary>
    /// The portal's address as the app reaches it, such as <c>http://portal:3000</c>, for its keys; null: <see cref="Url"/>.
    /// </summary>
    public Uri? BackchannelUrl { get; set; }

    /// <summary>
    /// The audience that JWTs must name: the portal's <c>TOKEN_AUDIENCE</c>, which is its <c>APP_NAME</c> by default. Needed.
    /// </summary>
    public string? Audience { get; set; }

    /// <summary>How far the clocks may be apart: 0 to 5 minutes, 30 s by default.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the portal may take to give its keys: 100 ms to 60 s, 5 s by default.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    internal IEnumerable<string> Complaints() =>
    [
        .. OptionChecks.Origin(Name(nameof(Url)), Url, isNeeded: true),
        .. OptionChecks.Origin(Name(nameof(BackchannelUrl)), BackchannelUrl, isNeeded: false),
        .. string.IsNullOrEmpty(Audience)
            ? [$"{Name(nameof(Audience))} is missing. Set the audience, so that JWTs for other apps are rejected."]
            : Array.Empty<string>(),
        .. OptionChecks.Between(Name(nameof(ClockSkew)), ClockSkew, TimeSpan.Zero, TimeSpan.FromMinutes(5)),
        .. OptionChecks.Between(Name(nameof(Timeout)), Timeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(60)),
    ];

    private static string Name(string option) => nameof(PortalTokenOptions) + "." + option;

    internal sealed class Check : IValidateOptions<PortalTokenOptions>
    {
        public ValidateOptionsResult Validate(string? name, PortalTokenOptions options) => OptionChecks.Judge(options.Complaints());
    }
}
