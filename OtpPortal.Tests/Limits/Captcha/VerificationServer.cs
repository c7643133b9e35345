using Microsoft.AspNetCore.WebUtilities;

namespace OtpPortal.Tests.Limits.Captcha;

/// <summary>Fakes a captcha service: records the requests and accepts the response "right" once.</summary>
public sealed class VerificationServer : IAsyncDisposable
{
    private readonly Infrastructure.RecordingServer _server;
    private int _right;

    private VerificationServer(Infrastructure.RecordingServer server)
    {
        _server = server;
        server.Answer = count =>
        {
            var (status, body) = Always ?? (200, Verify(Requests[count - 1].Form["response"]));
            return body is null ? null : (status, body);
        };
    }

    public sealed record Request(string Method, string Path, string ContentType, IReadOnlyDictionary<string, string> Form);

    public Uri Address => _server.Address;

    /// <summary>Gets the full verification URL for CAPTCHA_API_URL.</summary>
    public string Url => Address + "turnstile/v0/siteverify";

    public IReadOnlyList<Request> Requests => [.. _server.Requests.Select(request => new Request(
        request.Method, request.Path, request.Headers["Content-Type"],
        QueryHelpers.ParseQuery(request.Body).ToDictionary(pair => pair.Key, pair => pair.Value.ToString(), StringComparer.Ordinal)))];

    /// <summary>Gets or sets a fixed response to every request. With a null body, the server does not respond.</summary>
    public (int Status, string? Body)? Always { get; set; }

    public static async Task<VerificationServer> StartAsync() => new(await Infrastructure.RecordingServer.StartAsync());

    public Task StopAsync() => _server.StopAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private string Verify(string response) =>
        response != "right" ? """{"success":false,"error-codes":["invalid-input-response"]}"""
        : Interlocked.Increment(ref _right) == 1
            ? """{"success":true,"challenge_ts":"2026-03-01T12:00:00Z","hostname":"localhost","error-codes":[]}"""
        : """{"success":false,"error-codes":["timeout-or-duplicate"]}""";
}
