using Microsoft.AspNetCore.WebUtilities;

namespace OtpPortal.Tests.Limits.Captcha;

/// <summary>A captcha service's siteverify, played: it notes what it is sent, and takes the answer "right" once.</summary>
public sealed class VerificationServer : IAsyncDisposable
{
    private readonly Infrastructure.RecordingServer _server;
    private int _right;

    private VerificationServer(Infrastructure.RecordingServer server)
    {
        _server = server;
        server.Answer = count =>
        {
            var (status, body) = Always ?? (200, Judge(Requests[count - 1].Form["response"]));
            return body is null ? null : (status, body);
        };
    }

    public sealed record Request(string Method, string Path, string ContentType, IReadOnlyDictionary<string, string> Form);

    public Uri Address => _server.Address;

    /// <summary>With a path, because CAPTCHA_API_URL is the whole address.</summary>
    public string Url => Address + "turnstile/v0/siteverify";

    public IReadOnlyList<Request> Requests => [.. _server.Requests.Select(request => new Request(
        request.Method, request.Path, request.Headers["Content-Type"],
        QueryHelpers.ParseQuery(request.Body).ToDictionary(pair => pair.Key, pair => pair.Value.ToString(), StringComparer.Ordinal)))];

    /// <summary>What it says to anything, in place of judging; a null body hangs.</summary>
    public (int Status, string? Body)? Always { get; set; }

    public static async Task<VerificationServer> StartAsync() => new(await Infrastructure.RecordingServer.StartAsync());

    public Task StopAsync() => _server.StopAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private string Judge(string response) =>
        response != "right" ? """{"success":false,"error-codes":["invalid-input-response"]}"""
        : Interlocked.Increment(ref _right) == 1
            ? """{"success":true,"challenge_ts":"2026-03-01T12:00:00Z","hostname":"localhost","error-codes":[]}"""
        : """{"success":false,"error-codes":["timeout-or-duplicate"]}""";
}
