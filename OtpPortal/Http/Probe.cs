using System.Net;

namespace OtpPortal.Http;

/// <summary>
/// <c>OtpPortal --probe</c>: checks whether a running portal is ready, for health checks in containers without an HTTP client.
/// </summary>
internal static class Probe
{
    public const string Argument = "--probe";

    /// <summary>Returns 0 if <c>/readyz</c> responds with success, else 1.</summary>
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

    /// <summary>Returns the URL of the portal on this machine.</summary>
    public static Uri AddressOf(IPAddress? bind, int port) =>
        new("http://" + new IPEndPoint(
            bind is null || bind.Equals(IPAddress.Any) || bind.Equals(IPAddress.IPv6Any) ? IPAddress.Loopback : bind, port));
}
