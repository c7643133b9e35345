using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// A site that opens verifications in a dialog on its own page, under the strictest policy that allows it. By its number, not its name, it is
/// another site to browsers than the portal: no cookie of the portal's goes along.
/// </summary>
public sealed class EmbeddingSite(int port, Func<string> portal) : IAsyncDisposable
{
    private const string Script = """
        'use strict';
        window.heard = [];
        window.messages = [];
        addEventListener('message', event => window.messages.push(event.data));
        addEventListener('securitypolicyviolation', event => window.heard.push('violation of ' + event.violatedDirective));
        const { dataset } = document.body;
        window.verify = (namespace, id) => OTPGateway(
            namespace, id, (...values) => window.heard.push(['finished', ...values].join(' ')), (...values) => window.heard.push(['cancelled', ...values].join(' ')));
        document.getElementById('open').onclick = () => window.verify(dataset.namespace, dataset.id);
        """;

    private WebApplication? _app;

    public string Origin => $"http://127.0.0.1:{port}";

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(Origin);
        _app = builder.Build();
        _app.Use((context, next) =>
        {
            context.Response.Headers.ContentSecurityPolicy = $"default-src 'none'; script-src {portal()} 'self'; frame-src {portal()} 'self'";
            return next(context);
        });
        _app.MapGet("/", (string id) => Html($"""
            <body data-namespace="MyApp" data-id="{id}">
            <header>
            <h1>A shop</h1>
            <p>We would like to know whether this is your address.</p>
            <button id="open">Verify</button>
            {string.Concat(Enumerable.Range(1, 60).Select(line => $"<p>Offer number {line}</p>"))}
            </header>
            <script id="otpgateway-script" src="{portal()}/static/otp.js"></script>
            <script src="/shop.js"></script>
            """));
        // Not through the dialog's script: a page that frames whatever it likes, and listens.
        _app.MapGet("/frame", (string of) => Html($"""
            <body data-namespace="MyApp" data-id="">
            <h1>A trap</h1>
            <button id="open">Win a prize</button>
            <iframe title="prize" width="600" height="600" src="{of}"></iframe>
            <script src="/shop.js"></script>
            """));
        _app.MapGet("/shop.js", () => Results.Text(Script, "text/javascript"));
        _app.MapGet("/favicon.ico", () => Results.NoContent());
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await _app.DisposeAsync();
    }

    private static IResult Html(string body) => Results.Content(
        $"""<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>A shop</title></head>{body}</html>""",
        "text/html");
}
