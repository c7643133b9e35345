using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using OtpPortal.Http;
using OtpPortal.Security;

namespace OtpPortal.Jwt;

/// <summary>
/// <c>OtpPortal --rotate-keys [--overlap SECONDS | --now]</c>: has the portal that runs on this machine replace the keys that sign JWTs. It
/// asks the running portal, because the embedded store serves one process only.
/// </summary>
internal static class RotateCommand
{
    public const string Argument = "--rotate-keys";

    private const string Usage = "Usage: OtpPortal --rotate-keys [--overlap SECONDS | --now]";

    /// <summary>0 when the keys were replaced; else 1, and a line that says why.</summary>
    public static async Task<int> RunAsync(string[] args, PortalSettings portal, AuthSecret secret, TextWriter output, TextWriter errors)
    {
        string? overlap = null, now = null;
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "--now") now = "true";
            else if (args[i] == "--overlap" && i + 1 < args.Length) overlap = args[++i];
            else if (args[i] != Argument)
            {
                await errors.WriteLineAsync(Usage);
                return 1;
            }
        }
        if (!KeyRotationRequest.TryRead(overlap, now, out var wish, out var complaint))
        {
            await errors.WriteLineAsync(complaint);
            return 1;
        }

        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(15) };
        var query = wish.AtOnce ? "now=true" : FormattableString.Invariant($"overlap={(long)wish.Overlap.TotalSeconds}");
        using var request = new HttpRequestMessage(
            HttpMethod.Post, new Uri(Probe.AddressOf(portal.BindAddress, portal.Port), JwtEndpoints.RotationPath + "?" + query));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret.Reveal());
        try
        {
            using var response = await client.SendAsync(request);
            var body = await response.Content.ReadAsStringAsync();
            if (response.IsSuccessStatusCode && JsonSerializer.Deserialize<JwtEndpoints.RotatedKeys>(body) is { } rotated)
            {
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"New keys: {string.Join(", ", rotated.Kids)}. They sign from {rotated.ActiveFrom:u}. "
                    + $"JWTs of the old keys are valid until {rotated.OldUntil:u}."));
                return 0;
            }
            await errors.WriteLineAsync($"The portal answered {(int)response.StatusCode}: {body}");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            await errors.WriteLineAsync(
                $"No portal is running on port {portal.Port} of this machine. Start it and run this command again.");
        }
        return 1;
    }
}
