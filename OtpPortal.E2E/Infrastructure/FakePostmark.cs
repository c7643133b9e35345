using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A fake Postmark server for several portals that can delay its responses.</summary>
public sealed class FakePostmark : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Mail>> _mails = new(StringComparer.Ordinal);
    private readonly WebApplication _app;
    private volatile TaskCompletionSource? _held;

    public FakePostmark()
    {
        Url = $"http://127.0.0.1:{FreePort.Next()}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(Url);
        _app = builder.Build();
        _app.MapPost("/email", ReceiveAsync);
    }

    public string Url { get; }

    public Task StartAsync() => _app.StartAsync();

    /// <summary>
    /// Accepts messages to addresses that start with "held" without responding, until <see cref="Release"/>.
    /// </summary>
    public void Hold() => _held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release()
    {
        _held?.TrySetResult();
        _held = null;
    }

    /// <summary>Returns the messages to an address, oldest first.</summary>
    public IReadOnlyList<Mail> To(string address) => _mails.TryGetValue(address, out var mails) ? [.. mails] : [];

    public async Task<string> CodeAsync(string address, int message = 1) =>
        (await Until.NotNullAsync(
            $"mail {message} to {address}", () => Task.FromResult(To(address).ElementAtOrDefault(message - 1)))).Code;

    public async ValueTask DisposeAsync()
    {
        Release();
        await _app.DisposeAsync();
    }

    private async Task<IResult> ReceiveAsync(JsonElement mail)
    {
        string Field(string name) => mail.GetProperty(name).GetString()!;
        var to = Field("To");
        if (_held is { } held && to.StartsWith("held", StringComparison.Ordinal)) await held.Task;
        _mails.GetOrAdd(to, _ => []).Enqueue(new Mail(to, Field("Subject"), Field("TextBody"), Field("HtmlBody")));
        return Results.Json(new { ErrorCode = 0, Message = "OK" });
    }
}
