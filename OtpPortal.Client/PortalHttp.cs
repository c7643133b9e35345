using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace OtpPortal.Client;

/// <summary>Sends a request and reads the whole response, within limits of time and size.</summary>
internal sealed class PortalHttp(HttpClient http, Uri origin, TimeSpan timeout)
{
    // The longest response is a page of 500 sessions, with user agents of a few hundred characters.
    private const long MaxAnswer = 8 * 1024 * 1024;

    /// <exception cref="OtpPortalException">There is no response.</exception>
    public async Task<PortalAnswer> SendAsync(
        HttpMethod method, string pathAndQuery, Action<HttpRequestMessage>? prepare, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(origin, pathAndQuery));
        prepare?.Invoke(request);
        var asked = request.RequestUri;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timeout);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            await response.Content.LoadIntoBufferAsync(MaxAnswer, patience.Token);
            // The caller's handler has followed a redirect, so the response is not from the portal.
            if (response.RequestMessage?.RequestUri != asked)
            {
                throw new OtpPortalException("The portal redirected to another URL. Check the URL of the portal.");
            }
            return new PortalAnswer(response.StatusCode, response.Headers, await response.Content.ReadAsByteArrayAsync(patience.Token));
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new OtpPortalException($"The portal at {origin.Authority} cannot be reached: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new OtpPortalException($"The portal at {origin.Authority} did not respond in time.", e);
        }
    }
}

/// <summary>A response that has been read completely.</summary>
internal sealed class PortalAnswer(HttpStatusCode status, HttpResponseHeaders headers, byte[] body)
{
    public HttpStatusCode Status => status;

    public HttpResponseHeaders Headers => headers;

    public ReadOnlyMemory<byte> Body => body;

    /// <summary>The value of <c>Retry-After</c>, which is a number of seconds or a date (RFC 9110, 10.2.3).</summary>
    public TimeSpan? RetryAfter => headers.RetryAfter switch
    {
        { Delta: { } wait } => wait,
        { Date: { } date } => date - (headers.Date ?? DateTimeOffset.UtcNow) is var wait && wait > TimeSpan.Zero ? wait : TimeSpan.Zero,
        _ => null,
    };

    /// <summary>Gets the value of a header. Returns null if it is missing, empty or repeated.</summary>
    public string? Header(string name) =>
        headers.TryGetValues(name, out var values) && values.ToList() is [{ Length: > 0 } value] ? value : null;

    /// <exception cref="OtpPortalException">The body is invalid.</exception>
    public T Read<T>(JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw Malformed(null);
        }
        catch (JsonException e)
        {
            throw Malformed(e);
        }
    }

    /// <summary>Reads the body. Returns null if it is invalid.</summary>
    public T? TryRead<T>(JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(body, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public OtpPortalException Malformed(Exception? why) =>
        new($"The portal's response ({(int)status}) is invalid. Check the URL of the portal.", status, RetryAfter, why);

    /// <summary>Creates the exception for a response that is not an expected outcome.</summary>
    public OtpPortalException Unexpected()
    {
        // All of the portal's errors have a message, but the response may be from an intermediary.
        var said = TryRead(PortalJson.Default.ErrorBody)?.Message is { Length: > 0 } message ? ": " + Shorten(message) : "";
        var what = status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => "The portal rejected the credentials",
            HttpStatusCode.TooManyRequests => "Too many requests to the portal",
            >= HttpStatusCode.InternalServerError => "The portal has an internal error",
            _ => "The portal's response is unexpected",
        };
        return new OtpPortalException($"{what} ({(int)status}){said}", status, RetryAfter);
    }

    private static string Shorten(string message) => new([.. message.Take(300).Select(c => char.IsControl(c) ? ' ' : c)]);
}
