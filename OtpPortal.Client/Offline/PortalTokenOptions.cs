using Microsoft.Extensions.Options;

namespace OtpPortal.Client;

/// <summary>The required issuer and audience of JWTs.</summary>
public sealed class PortalTokenOptions
{
    /// <summary>The portal's <c>PUBLIC_URL</c>: scheme, host and port. The required issuer of JWTs. Required.</summary>
    public Uri? Url { get; set; }

    /// <summary>
    /// The portal's URL for the app, such as <c>http://portal:3000</c>, to fetch the keys; null uses <see cref="Url"/>.
    /// </summary>
    public Uri? BackchannelUrl { get; set; }

    /// <summary>
    /// The required audience of JWTs: the portal's <c>TOKEN_AUDIENCE</c>, which defaults to its <c>APP_NAME</c>. Required.
    /// </summary>
    public string? Audience { get; set; }

    /// <summary>Maximum difference between the clocks: 0 to 5 minutes, 30 s by default.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The time limit for fetching the portal's keys: 100 ms to 60 s, 5 s by default.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    internal IEnumerable<string> GetErrors() =>
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
        public ValidateOptionsResult Validate(string? name, PortalTokenOptions options) => OptionChecks.ToResult(options.GetErrors());
    }
}
