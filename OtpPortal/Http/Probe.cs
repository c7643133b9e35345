using System.Net;

namespace OtpPortal.Http;

/// <summary>
/// <c>OtpPortal --probe</c>: asks a running portal whether it is ready, for container health checks whose image has no HTTP client.
/// </summary>
internal static class Probe
{
    public const string Argument = "--probe";

    /// <summary>0 when <c>/readyz</c> answers 200, else 1.</summary>
    public static async Task<int> RunAsync(PortalSettings portal)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(4) };
        try
        {
            using var response = await client.GetAsync(new Uri(AddressOf(portal.BindAddress, portal.Port), "/readyz"));
            return response.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return 1;
        }
    }

    /// <summary>Where the portal of this machine listens.</summary>
    public static Uri AddressOf(IPAddress? bind, int port) =>
        new("http://" + new IPEndPoint(
            bind is null || bind.Equals(IPAddress.Any) || bind.Equals(IPAddress.IPv6Any) ? IPAddress.Loopback : bind, port));
}
