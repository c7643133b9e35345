using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using OtpPortal.Security;

namespace OtpPortal.Gateway;

/// <summary>
/// Posts events to the addresses of namespaces, in the background: bounded, with retries. Each post is signed, so that the receiver can tell it
/// from a stranger's, and carries its time, so that an old one cannot be played again.
/// </summary>
/// <remarks>
/// <c>X-OtpPortal-Signature: t={seconds since 1970},v1={hex of HMAC-SHA-256 over "t.body"}</c>; <c>X-OtpPortal-Event: {type}</c>;
/// <c>X-OtpPortal-Delivery: {id}</c>, the same in every try, because a receiver whose answer was lost gets the event twice.
/// </remarks>
public sealed partial class EventWebhooks(IHttpClientFactory clients, TimeProvider time, ILogger<EventWebhooks> logger) : BackgroundService
{
    private const int Capacity = 1000;
    private const int Workers = 4;
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    // Six tries in some six minutes: longer than a restart of the receiver, short enough not to pile up.
    private static readonly TimeSpan[] s_pauses = [.. new[] { 1, 5, 20, 60, 300 }.Select(seconds => TimeSpan.FromSeconds(seconds))];

    private readonly Channel<Posting> _posts = Channel.CreateBounded<Posting>(new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.Wait });

    /// <summary>Takes an event; what the queue cannot hold is left out, and the log says so.</summary>
    internal void Enqueue(EventTarget target, string type, byte[] body)
    {
        if (!_posts.Writer.TryWrite(new Posting(target, type, body, RandomText.New(22)))) Dropped(type, target);
    }

    internal static string Sign(byte[] key, DateTimeOffset now, byte[] body)
    {
        var seconds = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        byte[] signed = [.. Encoding.ASCII.GetBytes(seconds + "."), .. body];
        return $"t={seconds},v1={Convert.ToHexStringLower(HMACSHA256.HashData(key, signed))}";
    }

    /// <summary>Stops taking events and posts those that wait, once each, as long as the host's shutdown timeout allows.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _posts.Writer.TryComplete();
        var stopping = base.StopAsync(cancellationToken);
        if (ExecuteTask is { } running) await Task.WhenAny(running, Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken));
        await stopping;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(() => WorkAsync(stoppingToken), CancellationToken.None)));

    private async Task WorkAsync(CancellationToken stop)
    {
        await foreach (var post in _posts.Reader.ReadAllAsync(CancellationToken.None))
        {
            // One that keeps failing must not hold up the others.
            if (await TryAsync(post, 1) || stop.IsCancellationRequested) continue;
            _ = RetryAsync(post, stop);
        }
    }

    private async Task RetryAsync(Posting post, CancellationToken stop)
    {
        try
        {
            for (var retry = 0; retry < s_pauses.Length; retry++)
            {
                await Task.Delay(s_pauses[retry], time, stop);
                if (await TryAsync(post, retry + 2)) return;
            }
            GivenUp(post.Type, post.Target, s_pauses.Length + 1);
        }
        catch (OperationCanceledException)
        {
            GivenUp(post.Type, post.Target, 1);
        }
    }

    private async Task<bool> TryAsync(Posting post, int attempt)
    {
        using var timeout = new CancellationTokenSource(s_timeout, time);
        using var request = new HttpRequestMessage(HttpMethod.Post, post.Target.Url) { Content = new ByteArrayContent(post.Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        request.Headers.Add("X-OtpPortal-Event", post.Type);
        request.Headers.Add("X-OtpPortal-Delivery", post.Id);
        request.Headers.Add("X-OtpPortal-Signature", Sign(post.Target.Key, time.GetUtcNow(), post.Body));
        try
        {
            using var response = await clients.CreateClient(nameof(EventWebhooks)).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            if (response.IsSuccessStatusCode) return true;
            NotTaken(post.Type, post.Target, attempt, ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture));
        }
        catch (HttpRequestException e)
        {
            NotTaken(post.Type, post.Target, attempt, e.HttpRequestError.ToString());
        }
        catch (OperationCanceledException)
        {
            NotTaken(post.Type, post.Target, attempt, "no answer in time");
        }
        return false;
    }

    private sealed record Posting(EventTarget Target, string Type, byte[] Body, string Id);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The event {Type} was not taken by {Target} (attempt {Attempt}): {Reason}")]
    private partial void NotTaken(string type, EventTarget target, int attempt, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The event {Type} for {Target} is given up after {Attempts} attempts")]
    private partial void GivenUp(string type, EventTarget target, int attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "The event {Type} for {Target} is left out: too many wait")]
    private partial void Dropped(string type, EventTarget target);
}
