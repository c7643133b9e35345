using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Threading.RateLimiting;
using OtpPortal.Delivery;
using OtpPortal.Security;

namespace OtpPortal.Gateway;

/// <summary>An event for a namespace's server.</summary>
/// <param name="Id">The delivery id, the same in every attempt.</param>
public sealed record EventPost(EventTarget Target, string Type, byte[] Body, string Id);

/// <summary>
/// Posts events to the servers of namespaces, in the background and with retries. Each post is signed to prove its origin. The
/// signature covers the time, to prevent replays.
/// </summary>
/// <remarks>
/// <c>X-OtpPortal-Signature: t={Unix seconds},v1={hex of HMAC-SHA-256 over "t.body"}</c>; <c>X-OtpPortal-Event: {type}</c>;
/// <c>X-OtpPortal-Delivery: {id}</c>, the same in every attempt, because the receiver gets the event again if its response is
/// lost.
/// </remarks>
public sealed partial class EventWebhooks(IHttpClientFactory clients, TimeProvider time, ILogger<EventWebhooks> logger)
    : BackgroundQueue<EventPost>("events", Capacity, CapacityOfTarget)
{
    private const int Capacity = 4000;
    private const int CapacityOfTarget = 1000;
    private const int ConnectionsOfTarget = 4;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    // Six attempts in about six minutes, longer than a restart of the receiver.
    private static readonly TimeSpan[] s_retryDelays = [.. new[] { 1, 5, 20, 60, 300 }.Select(seconds => TimeSpan.FromSeconds(seconds))];

    private readonly PartitionedRateLimiter<EventTarget> _slots = PartitionedRateLimiter.Create<EventTarget, EventTarget>(target =>
        RateLimitPartition.GetConcurrencyLimiter(
            target, _ => new ConcurrencyLimiterOptions { PermitLimit = ConnectionsOfTarget, QueueLimit = int.MaxValue }));

    /// <summary>Enqueues an event. Logs the event if the queue is full.</summary>
    internal void Enqueue(EventTarget target, string type, byte[] body)
    {
        if (TryAdd(new EventPost(target, type, body, RandomText.New(22))) is { } reason) NotQueued(type, target, reason);
    }

    internal static string Sign(byte[] key, DateTimeOffset now, byte[] body)
    {
        var seconds = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        byte[] signed = [.. Encoding.ASCII.GetBytes(seconds + "."), .. body];
        return $"t={seconds},v1={Convert.ToHexStringLower(HMACSHA256.HashData(key, signed))}";
    }

    protected override string GroupOf(EventPost job) => job.Target.ToString();

    // On shutdown, posts without an attempt get one.
    protected override async Task RunAsync(EventPost job, CancellationToken closing)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await TryAsync(job, attempt)) return;
            if (attempt <= s_retryDelays.Length)
            {
                await Task.Delay(s_retryDelays[attempt - 1], time, closing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (!closing.IsCancellationRequested) continue;
            }
            GivenUp(job.Type, job.Target, attempt);
            return;
        }
    }

    protected override void OnFailed(Exception exception) => Failed(exception.GetType().Name);

    protected override void OnLost(int count) => Lost(count);

    protected override void Dispose(bool disposing)
    {
        if (disposing) _slots.Dispose();
        base.Dispose(disposing);
    }

    private async Task<bool> TryAsync(EventPost post, int attempt)
    {
        using var slot = await _slots.AcquireAsync(post.Target);
        using var timeout = new CancellationTokenSource(s_timeout, time);
        using var request = new HttpRequestMessage(HttpMethod.Post, post.Target.Url) { Content = new ByteArrayContent(post.Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        request.Headers.Add("X-OtpPortal-Event", post.Type);
        request.Headers.Add("X-OtpPortal-Delivery", post.Id);
        request.Headers.Add("X-OtpPortal-Signature", Sign(post.Target.Key, time.GetUtcNow(), post.Body));
        try
        {
            using var response = await clients.CreateClient(nameof(EventWebhooks))
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            if (response.IsSuccessStatusCode) return true;
            NotTaken(post.Type, post.Target, attempt, ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture));
        }
        catch (HttpRequestException e)
        {
            NotTaken(post.Type, post.Target, attempt, e.HttpRequestError.ToString());
        }
        catch (OperationCanceledException)
        {
            NotTaken(post.Type, post.Target, attempt, "no response in time");
        }
        return false;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not post the event {Type} to {Target} (attempt {Attempt}): {Reason}")]
    private partial void NotTaken(string type, EventTarget target, int attempt, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Gave up posting the event {Type} to {Target} after {Attempts} attempts")]
    private partial void GivenUp(string type, EventTarget target, int attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not post the event {Type} to {Target}: {Reason}")]
    private partial void NotQueued(string type, EventTarget target, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not post an event: {Error}")]
    private partial void Failed(string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Stopping with {Count} unposted events")]
    private partial void Lost(int count);
}
