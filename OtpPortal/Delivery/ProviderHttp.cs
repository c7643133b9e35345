using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace OtpPortal.Delivery;

/// <summary>How providers with an HTTP API are asked: what every one of them has in common, and the one repetition that is safe.</summary>
internal sealed class ProviderHttp(HttpClient http, TimeProvider time)
{
    // No answer of a provider that tells something is longer.
    private const int MaxReply = 64 * 1024;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Sends a request, and once more after a short pause when no connection came about or the answer asks for it (429 and 5xx). A request
    /// that got no answer is not repeated: it may have been carried out.
    /// </summary>
    /// <param name="request">Makes the request; called for each time it is sent.</param>
    /// <param name="judge">What any other answer means.</param>
    public async Task<SendOutcome> SendAsync(
        Func<HttpRequestMessage> request, Func<HttpResponseMessage, CancellationToken, Task<SendOutcome>> judge, CancellationToken stop)
    {
        var (outcome, again) = await TryAsync(request, judge, stop);
        if (!again) return outcome;
        await Task.Delay(s_pause, time, stop);
        return (await TryAsync(request, judge, stop)).Outcome;
    }

    /// <summary>A body with a length, because simple servers cannot read one in chunks.</summary>
    public static HttpContent Json<T>(T value, string mediaType = "application/json") =>
        new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value)) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } };

    /// <summary>The reply as JSON; null when it is none, or longer than any real one.</summary>
    public static async Task<JsonElement?> ReadJsonAsync(HttpResponseMessage response, CancellationToken stop)
    {
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxReply, stop);
            using var document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(stop));
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or HttpRequestException)
        {
            return null;
        }
    }

    private async Task<(SendOutcome Outcome, bool Again)> TryAsync(
        Func<HttpRequestMessage> make, Func<HttpResponseMessage, CancellationToken, Task<SendOutcome>> judge, CancellationToken stop)
    {
        try
        {
            using var request = make();
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            var status = (int)response.StatusCode;
            var outcome = response.StatusCode switch
            {
                HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout =>
                    new SendOutcome.Temporary($"it asks for patience ({status})") { Answered = true },
                >= HttpStatusCode.InternalServerError =>
                    new SendOutcome.Temporary($"it has trouble of its own ({status})") { Answered = true },
                _ => await judge(response, stop),
            };
            return (outcome, outcome is SendOutcome.Temporary);
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            return (new SendOutcome.Misconfigured("its TLS certificate is not valid for its address"), false);
        }
        catch (HttpRequestException e)
        {
            var nothingSent = e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError;
            return (new SendOutcome.Temporary($"it cannot be reached ({e.HttpRequestError})"), nothingSent);
        }
    }
}
