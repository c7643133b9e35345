using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>Plays a portal that is in trouble, or whose answers a test wants to count or to hold.</summary>
internal sealed class StandInPortal : IAsyncDisposable
{
    private readonly ConcurrentQueue<RecordedRequest> _requests = new();
    private readonly WebApplication _app;

    private StandInPortal(WebApplication app, Uri address)
    {
        (_app, Address) = (app, address);
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            _requests.Enqueue(new RecordedRequest(
                context.Request.Method, context.Request.Path + context.Request.QueryString,
                context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), await reader.ReadToEndAsync()));
            await Answer(context);
        });
    }

    public Uri Address { get; }

    public RequestDelegate Answer { get; set; } = _ => Task.CompletedTask;

    public IReadOnlyList<RecordedRequest> Requests => [.. _requests];

    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<StandInPortal> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var address = $"http://127.0.0.1:{FreePort.Next()}";
        builder.WebHost.UseUrls(address);
        var portal = new StandInPortal(builder.Build(), new Uri(address));
        await portal._app.StartAsync();
        return portal;
    }

    /// <summary>Answers every request with this.</summary>
    public void AlwaysAnswer(int status, string body, params (string Name, string Value)[] headers) => Answer = async context =>
    {
        context.Response.StatusCode = status;
        foreach (var (name, value) in headers) context.Response.Headers[name] = value;
        await context.Response.WriteAsync(body);
    };

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
