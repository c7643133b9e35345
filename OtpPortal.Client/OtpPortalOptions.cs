using Microsoft.Extensions.Options;

namespace OtpPortal.Client;

/// <summary>Where the portal is, and the credentials for the parts of it that want some. Only <see cref="Url"/> is needed.</summary>
public sealed class OtpPortalOptions
{
    /// <summary>The portal's address: scheme, host and port, such as <c>https://login.example.com</c>. Needed.</summary>
    public Uri? Url { get; set; }

    /// <summary>The portal's <c>AUTH_SECRET_KEY</c>, for <see cref="OtpPortalClient.Sessions"/>. Visible ASCII.</summary>
    public string? AuthSecretKey { get; set; }

    /// <summary>
    /// The name of a namespace in the portal's <c>NAMESPACES</c>, for <see cref="OtpPortalClient.Gateway"/>. Without a colon.
    /// </summary>
    public string? NamespaceName { get; set; }

    /// <summary>The secret of that namespace.</summary>
    public string? NamespaceSecret { get; set; }

    /// <summary>The API key of a service account, for <see cref="OtpPortalClient.V2"/>. Visible ASCII.</summary>
    public string? ApiKey { get; set; }

    /// <summary>How long a request may take, its answer included: 100 ms to 5 minutes, 30 s by default.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    internal IEnumerable<string> Complaints() =>
    [
        .. OptionChecks.Origin(Name(nameof(Url)), Url, isNeeded: true),
        .. OptionChecks.Credential(Name(nameof(AuthSecretKey)), AuthSecretKey),
        .. OptionChecks.Credential(Name(nameof(ApiKey)), ApiKey),
        .. OptionChecks.Namespace(Name(nameof(NamespaceName)), NamespaceName, Name(nameof(NamespaceSecret)), NamespaceSecret),
        .. OptionChecks.Between(Name(nameof(Timeout)), Timeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
    ];

    private static string Name(string option) => nameof(OtpPortalOptions) + "." + option;

    internal sealed class Check : IValidateOptions<OtpPortalOptions>
    {
        public ValidateOptionsResult Validate(string? name, OtpPortalOptions options) => OptionChecks.Judge(options.Complaints());
    }
}
