using System.Diagnostics.CodeAnalysis;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OtpPortal.Client.Authentication;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>An app on Kestrel that authenticates its users through a portal.</summary>
internal sealed class AppBehindPortal : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly List<BrowserClient> _browsers = [];

    private AppBehindPortal(WebApplication app, Uri address) => (_app, Address) = (app, address);

    public Uri Address { get; }

    public required CapturedLog Log { get; init; }

    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<AppBehindPortal> StartAsync(
        Uri portal, TimeProvider clock, Action<OtpPortalAuthenticationOptions>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        var address = $"http://127.0.0.1:{FreePort.Next()}";
        builder.WebHost.UseUrls(address);
        builder.Services.AddSingleton(clock);
        builder.Services.AddAuthentication().AddOtpPortal(options =>
        {
            options.Url = portal;
            configure?.Invoke(options);
        });
        builder.Services.AddAuthorization();
        var log = new CapturedLog();
        builder.Logging.ClearProviders().AddProvider(log);
        var app = builder.Build();
        app.UsePathBase("/base");
        app.UseRouting();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapGet("/open", (ClaimsPrincipal user) => user.Identity is { IsAuthenticated: true, Name: { } name } ? name : "nobody");
        app.MapMethods("/{**path}", ["GET", "HEAD", "POST"], (ClaimsPrincipal user) => new
        {
            id = user.FindFirstValue(ClaimTypes.NameIdentifier),
            name = user.Identity!.Name,
            email = user.FindFirstValue(ClaimTypes.Email),
            type = user.Identity.AuthenticationType,
            issuer = user.Claims.First().Issuer,
        }).RequireAuthorization();
        await app.StartAsync();
        return new AppBehindPortal(app, new Uri(address)) { Log = log };
    }

    /// <summary>Creates a browser with the cookies of <paramref name="from"/>: cookies are shared between ports of a host.</summary>
    public BrowserClient NewBrowser(BrowserClient? from = null)
    {
        var browser = new BrowserClient(Address);
        foreach (var (name, value) in from?.Cookies ?? []) browser.Cookies[name] = value;
        _browsers.Add(browser);
        return browser;
    }

    /// <summary>Creates a browser with this token in its <c>auth_token</c> cookie.</summary>
    public BrowserClient NewBrowserWith(string token)
    {
        var browser = NewBrowser();
        browser.Cookies["auth_token"] = token;
        return browser;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var browser in _browsers) browser.Dispose();
        await _app.DisposeAsync();
    }
}
