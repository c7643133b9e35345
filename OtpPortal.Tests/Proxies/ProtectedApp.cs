using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Proxies;

/// <summary>An app without any sign-in of its own, behind a real proxy with the configuration of <c>examples/</c>, and the portal beside it.</summary>
internal sealed class ProtectedApp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Process _proxy;
    private readonly string _folder;

    private ProtectedApp(PortalHost portal, WebApplication app, Process proxy, string folder, Uri address)
    {
        (Portal, _app, _proxy, _folder, Address) = (portal, app, proxy, folder, address);
    }

    public PortalHost Portal { get; }

    /// <summary>Where the proxy listens.</summary>
    public Uri Address { get; }

    public static async Task<ProtectedApp> StartAsync(string proxyName)
    {
        var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1"), ("TRUSTED_PROXIES", "127.0.0.1"));
        var (appPort, proxyPort) = (FreePort.Next(), FreePort.Next());
        var app = BuildApp(appPort);
        await app.StartAsync();

        var folder = Directory.CreateTempSubdirectory("otpportal-proxy").FullName;
        var proxy = Start(proxyName, folder, portal.Address.Port, appPort, proxyPort);
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{proxyPort}"));
        var protectedApp = new ProtectedApp(portal, app, proxy, folder, address);
        using var browser = protectedApp.NewBrowser();
        await Eventually.BeTrueAsync(async () =>
        {
            try
            {
                return (await browser.GetAsync("/")).Status > 0;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        return protectedApp;
    }

    /// <summary>A browser at the proxy. Its cookies are those of the portal as well, as for two ports of one host.</summary>
    public Browserlike NewBrowser(Browserlike? from = null)
    {
        var browser = new Browserlike(Address);
        foreach (var (name, value) in from?.Cookies ?? []) browser.Cookies[name] = value;
        return browser;
    }

    public async ValueTask DisposeAsync()
    {
        _proxy.Kill(entireProcessTree: true);
        await _proxy.WaitForExitAsync();
        _proxy.Dispose();
        await _app.DisposeAsync();
        await Portal.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
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
            await socket.SendAsync(buffer.AsMemory(0, received.Count), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
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

    private static Process Start(string name, string folder, int portal, int app, int proxy)
    {
        var file = name == "nginx" ? "nginx.conf" : "Caddyfile";
        var example = File.ReadAllText(Path.Combine(RepositoryRoot(), "examples", name, file));
        var configuration = example
            .Replace("127.0.0.1:3000", $"127.0.0.1:{portal}", StringComparison.Ordinal)
            .Replace("127.0.0.1:4000", $"127.0.0.1:{app}", StringComparison.Ordinal)
            .Replace("http://localhost:8080 {", $"http://127.0.0.1:{proxy} {{", StringComparison.Ordinal)
            .Replace("listen 8080;", $"listen 127.0.0.1:{proxy};", StringComparison.Ordinal);
        var path = Path.Combine(folder, file);
        File.WriteAllText(path, configuration);
        var start = name == "nginx"
            ? new ProcessStartInfo("nginx", ["-p", folder, "-c", path])
            : new ProcessStartInfo("caddy", ["run", "--adapter", "caddyfile", "--config", path]);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        start.Environment["XDG_CONFIG_HOME"] = start.Environment["XDG_DATA_HOME"] = folder;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "OtpPortal.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
