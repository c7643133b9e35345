using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// An app on another port that uses <c>/check-auth</c> to authenticate its users.
/// </summary>
public sealed class ThirdPartyApp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _portal;

    private ThirdPartyApp(WebApplication app, HttpClient portal, string url)
    {
        _app = app;
        _portal = portal;
        Url = url;
    }

    public string Url { get; }

    public static async Task<ThirdPartyApp> StartAsync(PortalProcess portal)
    {
        var port = FreePort.Next();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{portal.Port}") };

        app.MapGet("/welcome", async (HttpContext context) =>
        {
            using var question = new HttpRequestMessage(HttpMethod.Get, "/check-auth");
            question.Headers.Authorization = new AuthenticationHeaderValue("Bearer", context.Request.Cookies["auth_token"] ?? "none");
            using var answer = await client.SendAsync(question);
            if (!answer.IsSuccessStatusCode) return Results.Content("<h1>Who are you?</h1>", "text/html");
            var who = await answer.Content.ReadFromJsonAsync<JsonElement>();
            // Passes a rotated token on to the browser.
            context.Response.Headers.SetCookie = answer.Headers.GetValues("Set-Cookie").ToArray();
            return Results.Content(
                $"<!doctype html><link rel=icon href=data:,><h1>Hello {who.GetProperty("email").GetString()}</h1>", "text/html");
        });
        // The target of a sign-in or a magic link.
        app.MapGet("/signed-in", () => Results.Content("<!doctype html><link rel=icon href=data:,><h1>Signed in</h1>", "text/html"));
        // Redirects to another origin, like an app that handles sign-in on a separate host.
        app.MapGet(
            "/leads-on", (HttpContext context) => Results.Redirect($"http://127.0.0.1:{port}/signed-in{context.Request.QueryString}"));
        // A page with a cross-site form that signs its users out of the portal.
        app.MapGet("/nasty", () => Results.Content(
            $"<!doctype html><link rel=icon href=data:,><form method=post action='{portal.Url}/logout'><button>Win a prize</button></form>",
            "text/html"));
        await app.StartAsync();
        return new ThirdPartyApp(app, client, $"http://localhost:{port}");
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _portal.Dispose();
    }
}
