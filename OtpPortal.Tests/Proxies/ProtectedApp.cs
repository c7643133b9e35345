using System.Globalization;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Proxies;

/// <summary>
/// An app without its own sign-in, the portal, and a real proxy with a configuration from <c>examples/</c>.
/// </summary>
internal sealed class ProtectedApp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ExampleProxy _proxy;

    private ProtectedApp(PortalHost portal, WebApplication app, ExampleProxy proxy) => (Portal, _app, _proxy) = (portal, app, proxy);

    public PortalHost Portal { get; }

    /// <summary>The address of the proxy.</summary>
    public Uri Address => _proxy.Address;

    public static async Task<ProtectedApp> StartAsync(string proxyName)
    {
        var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1"), ("TRUSTED_PROXIES", "127.0.0.1"));
        var appPort = FreePort.Next();
        var app = BuildApp(appPort);
        await app.StartAsync();
        return new ProtectedApp(portal, app, await ExampleProxy.StartAsync(proxyName, portal.Address.Port, appPort));
    }

    /// <summary>Creates a browser for the proxy that shares the cookies of the portal, which uses the same host.</summary>
    public BrowserClient NewBrowser(BrowserClient? from = null)
    {
        var browser = new BrowserClient(Address);
        foreach (var (name, value) in from?.Cookies ?? []) browser.Cookies[name] = value;
        return browser;
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _app.DisposeAsync();
        await Portal.DisposeAsync();
    }

    private static WebApplication BuildApp(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        var app = builder.Build();
        app.UseWebSockets();
        app.Map("/socket", async (HttpContext context) =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            var buffer = new byte[100];
            var received = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            await socket.SendAsync(
                buffer.AsMemory(0, received.Count), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        });
        app.MapFallback("{**path}", (HttpContext context) => Results.Json(new
        {
            path = context.Request.Path + context.Request.QueryString,
            user = context.Request.Headers["Remote-User"].ToString(),
            email = context.Request.Headers["X-Auth-Request-Email"].ToString(),
        }));
        return app;
    }
}
