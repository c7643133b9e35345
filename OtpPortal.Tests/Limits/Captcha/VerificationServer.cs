using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OtpPortal.Tests.Limits.Captcha;

/// <summary>A captcha service's siteverify, played: it notes what it is sent, and takes the answer "right" once.</summary>
public sealed class VerificationServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _end = new();
    private int _right;

    private VerificationServer()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        Address = new Uri($"http://127.0.0.1:{Infrastructure.FreePort.Next()}");
        builder.WebHost.UseUrls(Address.ToString());
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    public sealed record Request(string Method, string Path, string ContentType, IReadOnlyDictionary<string, string> Form);

    public Uri Address { get; }

    /// <summary>With a path, because CAPTCHA_API_URL is the whole address.</summary>
    public string Url => Address + "turnstile/v0/siteverify";

    public ConcurrentQueue<Request> Requests { get; } = new();

    /// <summary>What it says to anything, in place of judging; a null body hangs.</summary>
    public (int Status, string? Body)? Always { get; set; }

    public static async Task<VerificationServer> StartAsync()
    {
        var server = new VerificationServer();
        await server._app.StartAsync();
        return server;
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        _end.TrySetResult();
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var form = (await context.Request.ReadFormAsync()).ToDictionary(field => field.Key, field => field.Value.ToString(), StringComparer.Ordinal);
        Requests.Enqueue(new Request(context.Request.Method, context.Request.Path, context.Request.ContentType!, form));
        var (status, body) = Always ?? (200, Judge(form["response"]));
        if (body is null)
        {
            await Task.WhenAny(_end.Task, Task.Delay(Timeout.Infinite, context.RequestAborted));
            return;
        }
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        if (status is 302) context.Response.Headers.Location = "http://127.0.0.1:1/elsewhere";
        await context.Response.WriteAsync(body);
    }

    private string Judge(string response) =>
        response != "right" ? """{"success":false,"error-codes":["invalid-input-response"]}"""
        : Interlocked.Increment(ref _right) == 1 ? """{"success":true,"challenge_ts":"2026-03-01T12:00:00Z","hostname":"localhost","error-codes":[]}"""
        : """{"success":false,"error-codes":["timeout-or-duplicate"]}""";
}
