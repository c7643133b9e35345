using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OtpPortal.Histories.Recording;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Histories.Running;

/// <summary>A fake Postmark API that all replicas send to. It records each code that arrives.</summary>
internal sealed partial class MailServer : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _codes = new(StringComparer.Ordinal);
    private readonly WebApplication _app;
    private readonly Recorder _recorder;

    private MailServer(WebApplication app, string url, Recorder recorder)
    {
        (_app, Url, _recorder) = (app, url, recorder);
        app.MapPost("/email", Receive);
    }

    public string Url { get; }

    public static async Task<MailServer> StartAsync(Recorder recorder)
    {
        var url = $"http://127.0.0.1:{FreePort.Next()}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        var server = new MailServer(builder.Build(), url, recorder);
        await server._app.StartAsync();
        return server;
    }

    /// <summary>Returns the number of codes that have arrived for an address.</summary>
    public int CountOf(string email) => _codes.TryGetValue(email, out var codes) ? codes.Count : 0;

    /// <summary>Waits for a code of an address, counted from 0. Returns null if it does not arrive in time.</summary>
    public async Task<string?> CodeAsync(string email, int number, TimeSpan timeout)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        for (var end = _recorder.Now + timeout.TotalMilliseconds; _recorder.Now < end; await poll.WaitForNextTickAsync())
        {
            if (_codes.TryGetValue(email, out var codes) && codes.ElementAtOrDefault(number) is { } code) return code;
        }
        return null;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private IResult Receive(JsonElement mail)
    {
        var email = mail.GetProperty("To").GetString()!;
        var code = Digits().Match(mail.GetProperty("Subject").GetString()!).Value;
        var now = _recorder.Now;
        _recorder.Add(new Operation
        {
            Id = _recorder.NextId(),
            Kind = OperationKind.Mail,
            Client = -1,
            Start = now,
            End = now,
            Status = 200,
            Email = email,
            Code = code,
        });
        var codes = _codes.GetOrAdd(email, _ => []);
        // A retry after a lost answer repeats the code.
        if (!codes.Contains(code, StringComparer.Ordinal)) codes.Enqueue(code);
        return Results.Json(new Dictionary<string, object>(StringComparer.Ordinal) { ["ErrorCode"] = 0, ["Message"] = "OK" });
    }

    [GeneratedRegex("[0-9]{6}", RegexOptions.None, 1000)]
    private static partial Regex Digits();
}
