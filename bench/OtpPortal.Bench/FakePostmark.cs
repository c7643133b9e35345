using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace OtpPortal.Bench;

/// <summary>A fake Postmark API that accepts the portal's mail and extracts the codes.</summary>
internal sealed partial class FakePostmark : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _codes = new(StringComparer.Ordinal);

    private FakePostmark(WebApplication app, int port) => (_app, Port) = (app, port);

    public int Port { get; }

    public static async Task<FakePostmark> StartAsync()
    {
        var port = Machine.FreePort();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var standIn = new FakePostmark(builder.Build(), port);
        standIn._app.MapPost("/email", (JsonElement mail) =>
        {
            var code = Code().Match(mail.GetProperty("Subject").GetString()!).Value;
            standIn.Slot(mail.GetProperty("To").GetString()!).TrySetResult(code);
            return Results.Json(new Dictionary<string, object>(StringComparer.Ordinal) { ["ErrorCode"] = 0, ["Message"] = "OK" });
        });
        await standIn._app.StartAsync();
        return standIn;
    }

    public Task<string> CodeFor(string address) => Slot(address).Task.WaitAsync(TimeSpan.FromSeconds(10));

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private TaskCompletionSource<string> Slot(string address) =>
        _codes.GetOrAdd(address, _ => new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously));

    [GeneratedRegex("[0-9]{6}", RegexOptions.None, 1000)]
    private static partial Regex Code();
}
