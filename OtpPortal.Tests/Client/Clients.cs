using OtpPortal.Client;

namespace OtpPortal.Tests.Client;

/// <summary>Creates clients in the same way as the service registrations do.</summary>
internal static class Clients
{
    private static readonly HttpClient s_http = new(OtpPortalClient.CreateHandler());

    public static OtpPortalClient For(Uri portal, Action<OtpPortalOptions>? configure = null)
    {
        var options = new OtpPortalOptions { Url = portal };
        configure?.Invoke(options);
        return new OtpPortalClient(s_http, options);
    }

    public static PortalTokenValidator Validator(
        Uri portal, string audience, TimeProvider time, Action<PortalTokenOptions>? configure = null)
    {
        var options = new PortalTokenOptions { Url = portal, Audience = audience };
        configure?.Invoke(options);
        return new PortalTokenValidator(s_http, options, time);
    }
}
