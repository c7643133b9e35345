using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// A site that opens verifications in a dialog under the strictest possible CSP. It uses an IP address instead of a
/// name, so browsers treat it as another site and send no cookies of the portal.
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
            namespace, id, (...values) => window.heard.push(['finished', ...values].join(' ')),
            (...values) => window.heard.push(['cancelled', ...values].join(' ')));
        document.getElementById('open').onclick = () => window.verify(dataset.namespace, dataset.id);
        """;

    // Acts like the script of otpgateway: loads a style sheet, opens a frame without an origin, and treats the
    // first message from the portal with a namespace and an id as the success.
    private const string PeerScript = """
        'use strict';
        const root = new URL(document.querySelector('#otpgateway-script').src).origin;
        document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: root + '/static/otp.css' }));
        window.OTPGateway = (namespace, id, finish, cancel) => {
            const wrap = document.createElement('div');
            wrap.id = 'otpgateway-modal-wrap';
            for (const [name, part] of [['div', 'modal'], ['div', 'frame-spinner'], ['iframe', 'frame']]) {
                wrap.append(Object.assign(document.createElement(name), { id: 'otpgateway-' + part }));
            }
            wrap.children[1].className = 'otpgateway-spinner';
            document.body.append(wrap);
            wrap.children[0].onclick = () => { cancel(); document.querySelector('#otpgateway-modal-wrap').remove(); };
            const frame = document.querySelector('#otpgateway-frame');
            frame.onload = () => document.querySelector('#otpgateway-frame-spinner')?.remove();
            const blank = frame.contentDocument;
            blank.open();
            blank.write('<!doctype html><title>wait</title>');
            blank.close();
            blank.location = `${root}/otp/${namespace}/${id}?view=popup`;
            addEventListener('message', function hear(event) {
                if (!event.origin.includes(root)) return;
                if (!event.data.hasOwnProperty('namespace') || !event.data.hasOwnProperty('id')) return;
                removeEventListener('message', hear);
                finish(event.data.namespace, event.data.id);
                document.querySelector('#otpgateway-modal-wrap').remove();
            });
        };
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
            context.Response.Headers.ContentSecurityPolicy =
                $"default-src 'none'; script-src {portal()} 'self'; frame-src {portal()} 'self'";
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
        // A page that frames any URL and records messages, without the dialog script.
        _app.MapGet("/frame", (string of) => Html($"""
            <body data-namespace="MyApp" data-id="">
            <h1>A trap</h1>
            <button id="open">Win a prize</button>
            <iframe title="prize" width="600" height="600" src="{of}"></iframe>
            <script src="/shop.js"></script>
            """));
        // A site that uses a copy of the otpgateway script.
        _app.MapGet("/peer", (string id, HttpContext context) =>
        {
            context.Response.Headers.ContentSecurityPolicy += $"; style-src {portal()}";
            return Html($"""
                <body data-namespace="MyApp" data-id="{id}">
                <h1>A shop</h1>
                <button id="open">Verify</button>
                <script id="otpgateway-script" type="text/plain" src="{portal()}/static/otp.js"></script>
                <script src="/peer.js"></script>
                <script src="/shop.js"></script>
                """);
        });
        _app.MapGet("/peer.js", () => Results.Text(PeerScript, "text/javascript"));
        _app.MapGet("/shop.js", () => Results.Text(Script, "text/javascript"));
        _app.MapGet("/favicon.ico", () => Results.NoContent());
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await _app.DisposeAsync();
    }

    private static IResult Html(string body) => Results.Content(
        $"""
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark"><title>A shop</title></head>{body}</html>
        """,
        "text/html");
}
