using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A received request.</summary>
public sealed record RecordedRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>A fake server, such as a provider, that records requests and returns configured responses.</summary>
public sealed class RecordingServer : IAsyncDisposable
{
    private readonly ConcurrentQueue<RecordedRequest> _requests = new();
    private readonly TaskCompletionSource _never = new();
    private readonly WebApplication _app;

    private RecordingServer(WebApplication app, Uri address)
    {
        _app = app;
        Address = address;
        Answer = _ => (200, "{}");
        app.Run(RecordAsync);
    }

    public Uri Address { get; }

    /// <summary>Sets the response by request number, starting at 1. Null never responds.</summary>
    public Func<int, (int Status, string Body)?> Answer
    {
        set => Handle = context => AnswerAsync(context, value(_requests.Count));
    }

    /// <summary>Gets or sets a handler, for responses that <see cref="Answer"/> cannot express.</summary>
    public RequestDelegate Handle { get; set; } = null!;

    public IReadOnlyList<RecordedRequest> Requests => [.. _requests];

    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<RecordingServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var address = $"http://127.0.0.1:{FreePort.Next()}";
        builder.WebHost.UseUrls(address);
        var server = new RecordingServer(builder.Build(), new Uri(address));
        await server._app.StartAsync();
        return server;
    }

    /// <summary>Returns the same response for every request.</summary>
    public void AlwaysAnswer(int status, string body, params (string Name, string Value)[] headers) => Handle = async context =>
    {
        context.Response.StatusCode = status;
        foreach (var (name, value) in headers) context.Response.Headers[name] = value;
        await context.Response.WriteAsync(body);
    };

    /// <summary>Stops the server.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        _never.TrySetResult();
        await _app.DisposeAsync();
    }

    private async Task RecordAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        _requests.Enqueue(new RecordedRequest(
            context.Request.Method, context.Request.Path + context.Request.QueryString,
            context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            await reader.ReadToEndAsync()));
        await Handle(context);
    }

    private async Task AnswerAsync(HttpContext context, (int Status, string Body)? given)
    {
        if (given is not { } answer)
        {
            await Task.WhenAny(_never.Task, Task.Delay(Timeout.Infinite, context.RequestAborted));
            return;
        }
        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = "application/json";
        if (answer.Status is >= 300 and < 400) context.Response.Headers.Location = "http://127.0.0.1:1/elsewhere";
        await context.Response.WriteAsync(answer.Body);
    }
}
