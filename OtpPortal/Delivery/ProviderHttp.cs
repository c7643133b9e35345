using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace OtpPortal.Delivery;

/// <summary>Sends requests to providers' HTTP APIs.</summary>
internal sealed class ProviderHttp(HttpClient http, TimeProvider time)
{
    // Longer responses are not read; no provider needs them.
    private const int MaxReply = 64 * 1024;

    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(500);

    /// <summary>Gets the HTTP client, for a provider whose requests are never retried.</summary>
    public HttpClient Client => http;

    /// <summary>
    /// Sends a request. Retries once after a short pause if the connection failed or the response was 408, 429 or 5xx. A
    /// request without a response is not retried, because the provider may have processed it.
    /// </summary>
    /// <param name="request">Creates the request. Called for each attempt.</param>
    /// <param name="interpret">Interprets any other response.</param>
    public async Task<SendOutcome> SendAsync(
        Func<HttpRequestMessage> request, Func<HttpResponseMessage, CancellationToken, Task<SendOutcome>> interpret, CancellationToken stop)
    {
        var (outcome, again) = await TryAsync(request, interpret, stop);
        if (!again) return outcome;
        await Task.Delay(s_retryDelay, time, stop);
        return (await TryAsync(request, interpret, stop)).Outcome;
    }

    /// <summary>Creates a body with a Content-Length, because simple servers do not support chunked encoding.</summary>
    public static HttpContent Json<T>(T value, string mediaType = "application/json") =>
        new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value))
        {
            Headers = { ContentType = new MediaTypeHeaderValue(mediaType) },
        };

    /// <summary>Reads the response as JSON. Returns null if it is not JSON or too long.</summary>
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
        Func<HttpRequestMessage> create, Func<HttpResponseMessage, CancellationToken, Task<SendOutcome>> interpret, CancellationToken stop)
    {
        try
        {
            using var request = create();
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            var status = (int)response.StatusCode;
            var outcome = response.StatusCode switch
            {
                HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout =>
                    new SendOutcome.Temporary($"too many requests ({status})") { Answered = true },
                >= HttpStatusCode.InternalServerError =>
                    new SendOutcome.Temporary($"server error ({status})") { Answered = true },
                _ => await interpret(response, stop),
            };
            return (outcome, outcome is SendOutcome.Temporary);
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            return (new SendOutcome.Misconfigured("the TLS certificate is not valid for the server's address"), false);
        }
        catch (HttpRequestException e)
        {
            var nothingSent = e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError;
            return (new SendOutcome.Temporary($"cannot connect ({e.HttpRequestError})"), nothingSent);
        }
    }
}
