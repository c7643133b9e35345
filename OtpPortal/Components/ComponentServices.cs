using Microsoft.AspNetCore.Components.Forms;
using Microsoft.AspNetCore.SignalR;
using OtpPortal.Configuration;

namespace OtpPortal.Components;

/// <summary>Registers and maps the pages and their circuits.</summary>
public static class ComponentServices
{
    public static WebApplicationBuilder AddPages(this WebApplicationBuilder builder)
    {
        builder.AddSettings<CustomStyles>();
        builder.Services.AddRazorComponents().AddInteractiveServerComponents(circuits =>
        {
            // All state is in the store, so a lost circuit loses nothing: a reloaded page shows the same step.
            circuits.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(1);
            circuits.DisconnectedCircuitMaxRetained = 50;
            circuits.DetailedErrors = false;
        }).AddHubOptions(hub =>
        {
            hub.MaximumReceiveMessageSize = 32 * 1024;
            hub.AddFilter(new CircuitLimits());
        });
        ScriptJson.AddTo(builder.Services);
        builder.Services.AddRateLimiter(_ => { });
        // SameSiteCheck rejects cross-site posts for plain forms and circuits, so pages need no antiforgery token and no cookie
        // for it.
        builder.Services.AddScoped<AntiforgeryStateProvider, NoAntiforgeryToken>();
        return builder;
    }

    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        routes.MapStaticAssets();
        CustomStyles.Map(routes);
        routes.MapRazorComponents<App>().AddInteractiveServerRenderMode(options =>
        {
            // SecurityHeaders sets this for every page.
            options.ContentSecurityFrameAncestorsPolicy = null;
            // Compressing secrets together with attacker-controlled data reveals the secrets (BREACH).
            options.DisableWebSocketCompression = true;
        }).Add(AnswerHead);
    }

    // Blazor's pages reject HEAD, which link checkers and mail scanners send first (RFC 9110, 9.3.2).
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
