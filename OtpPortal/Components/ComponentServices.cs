using Microsoft.AspNetCore.Components.Forms;
using Microsoft.AspNetCore.SignalR;

namespace OtpPortal.Components;

/// <summary>The shell of the pages, and the circuits behind them.</summary>
public static class ComponentServices
{
    public static WebApplicationBuilder AddPages(this WebApplicationBuilder builder)
    {
        builder.Services.AddRazorComponents().AddInteractiveServerComponents(circuits =>
        {
            // All state is in the store: a lost circuit is worth nothing, and a page that is loaded again shows the same step.
            circuits.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(1);
            circuits.DisconnectedCircuitMaxRetained = 50;
            circuits.DetailedErrors = false;
        }).AddHubOptions(hub =>
        {
            hub.MaximumReceiveMessageSize = 32 * 1024;
            hub.AddFilter(new CircuitLimits());
        });
        builder.Services.AddRateLimiter(_ => { });
        // Cross-site posts are refused by SameSiteCheck, for plain forms and circuits alike: no page needs a token, or a cookie for one.
        builder.Services.AddScoped<AntiforgeryStateProvider, NoAntiforgeryToken>();
        return builder;
    }

    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        routes.MapStaticAssets();
        routes.MapRazorComponents<App>().AddInteractiveServerRenderMode(options =>
        {
            // Set with all other headers, for every page.
            options.ContentSecurityFrameAncestorsPolicy = null;
            // Compression next to secrets on one line gives the secrets' length away (BREACH).
            options.DisableWebSocketCompression = true;
        }).Add(AnswerHead);
    }

    // The framework's pages refuse HEAD, with which link checkers and scanners of mail ask for what they then look at (RFC 9110, 9.3.2).
    private static void AnswerHead(EndpointBuilder endpoint)
    {
        for (var i = 0; i < endpoint.Metadata.Count; i++)
        {
            if (endpoint.Metadata[i] is HttpMethodMetadata { HttpMethods: ["GET", "POST"] })
                endpoint.Metadata[i] = new HttpMethodMetadata(["GET", "HEAD", "POST"]);
        }
    }

    private sealed class NoAntiforgeryToken : AntiforgeryStateProvider
    {
        public override AntiforgeryRequestToken? GetAntiforgeryToken() => null;
    }
}
