using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OtpPortal.Storage;

namespace OtpPortal.Auditing;

/// <summary>
/// Posts the queued audit events to AUDIT_URL, one at a time, each until it is accepted. Events arrive in order and at least once;
/// the receiver recognizes a repetition by <c>webhook-id</c>.
/// </summary>
/// <remarks>The signature follows the Standard Webhooks specification (https://www.standardwebhooks.com).</remarks>
internal sealed partial class AuditWebhook(
    AuditTarget target, AuditQueue queue, AuditLease lease, IHttpClientFactory clients, TimeProvider time, ILogger<AuditWebhook> logger)
    : BackgroundService
{
    private const int BatchSize = 100;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    // How long events that other replicas have added wait at most.
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_firstRetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_maxRetryDelay = TimeSpan.FromMinutes(5);

    // A receiver that names a later time by mistake would stop the stream.
    private static readonly TimeSpan s_maxRetryAfter = TimeSpan.FromHours(1);

    private static readonly Meter s_meter = new("OtpPortal.Auditing");
    private static readonly Counter<long> s_posted =
        s_meter.CreateCounter<long>("otpportal.audit.posts", "{request}", "Number of requests to AUDIT_URL by outcome.");

    private int _failures;
    private DateTimeOffset _nextAttempt;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var outcome in (string[])["accepted", "failed"]) s_posted.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        return base.StartAsync(cancellationToken);
    }

    /// <summary>Returns the value of <c>webhook-signature</c>.</summary>
    internal static string Sign(byte[] key, string id, string timestamp, byte[] body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await SendQueuedAsync(stoppingToken);
            }
            catch (Exception e) when (StoreFailure.Is(e))
            {
                // The events are in the store, so there is nothing to send without it.
            }
            catch (Exception e)
            {
                // An exception would stop the portal.
                Failed(e);
            }
            await queue.WaitAsync(s_pollInterval, stoppingToken);
        }
        try
        {
            await lease.ReleaseAsync();
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // Another replica takes over when the lease has expired.
        }
    }

    private async Task SendQueuedAsync(CancellationToken stop)
    {
        while (await queue.CountAsync() > 0 && await lease.TryHoldAsync())
        {
            if (time.GetUtcNow() < _nextAttempt) return;
            foreach (var line in await queue.PeekAsync(BatchSize))
            {
                // A request that has begun is completed, so that a restart repeats none.
                if (stop.IsCancellationRequested || !await lease.TryHoldAsync() || !await TryPostAsync(line)) return;
                await queue.RemoveAsync(line);
            }
        }
    }

    private async Task<bool> TryPostAsync(string line)
    {
        var (failure, retryAfter) = await PostAsync(line);
        s_posted.Add(1, new KeyValuePair<string, object?>("outcome", failure is null ? "accepted" : "failed"));
        if (failure is null)
        {
            if (_failures > 0) Recovered(target, _failures);
            _failures = 0;
            return true;
        }
        var backoff = s_firstRetryDelay * Math.Pow(2, Math.Min(_failures++, 20));
        var wait = retryAfter is { } asked && asked > s_firstRetryDelay ? Min(asked, s_maxRetryAfter) : Min(backoff, s_maxRetryDelay);
        _nextAttempt = time.GetUtcNow() + wait;
        NotAccepted(target, _failures, Math.Round(wait.TotalSeconds), failure);
        return false;
    }

    // Returns the reason if the receiver has not accepted the event, and how long it asks to wait.
    private async Task<(string? Failure, TimeSpan? RetryAfter)> PostAsync(string line)
    {
        using var timeout = new CancellationTokenSource(s_timeout, time);
        using var request = new HttpRequestMessage(HttpMethod.Post, target.Url);
        var body = Encoding.UTF8.GetBytes(line);
        request.Content = new ByteArrayContent(body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var json = JsonDocument.Parse(body);
        var id = json.RootElement.GetProperty("id").GetString()!;
        var now = time.GetUtcNow();
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp);
        request.Headers.Add("webhook-signature", Sign(target.Key, id, timestamp, body));
        try
        {
            using var response = await clients.CreateClient(nameof(AuditWebhook))
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            if (response.IsSuccessStatusCode) return (null, null);
            var after = response.Headers.RetryAfter;
            return ($"status {(int)response.StatusCode}", after?.Delta ?? after?.Date - now);
        }
        catch (HttpRequestException e)
        {
            return (e.HttpRequestError.ToString(), null);
        }
        catch (OperationCanceledException)
        {
            return ($"no response within {s_timeout.TotalSeconds} s", null);
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Target} did not accept an audit event (attempt {Attempt}), retrying in {Pause} s: {Reason}")]
    private partial void NotAccepted(AuditTarget target, int attempt, double pause, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not post an audit event")]
    private partial void Failed(Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Target} accepts audit events again, after {Attempts} failed attempts")]
    private partial void Recovered(AuditTarget target, int attempts);
}
