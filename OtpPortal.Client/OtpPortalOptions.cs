using Microsoft.Extensions.Options;

namespace OtpPortal.Client;

/// <summary>
/// The portal's address, and credentials for the parts that require them. Only <see cref="Url"/> is required.
/// </summary>
public sealed class OtpPortalOptions
{
    /// <summary>The portal's URL: scheme, host and port, such as <c>https://login.example.com</c>. Required.</summary>
    public Uri? Url { get; set; }

    /// <summary>The portal's <c>AUTH_SECRET_KEY</c>, for <see cref="OtpPortalClient.Sessions"/>. Visible ASCII.</summary>
    public string? AuthSecretKey { get; set; }

    /// <summary>
    /// The name of a namespace in the portal's <c>NAMESPACES</c>, for <see cref="OtpPortalClient.Gateway"/>. May not contain a
    /// colon.
    /// </summary>
    public string? NamespaceName { get; set; }

    /// <summary>The secret of that namespace.</summary>
    public string? NamespaceSecret { get; set; }

    /// <summary>The API key of a service account, for <see cref="OtpPortalClient.V2"/>. Visible ASCII.</summary>
    public string? ApiKey { get; set; }

    /// <summary>The time limit of a request including its response: 100 ms to 5 minutes, 30 s by default.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    internal IEnumerable<string> GetErrors() =>
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
        public ValidateOptionsResult Validate(string? name, OtpPortalOptions options) => OptionChecks.ToResult(options.GetErrors());
    }
}
