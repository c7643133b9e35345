using System.Net;
using System.Net.Sockets;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A client without JavaScript. Keeps cookies and does not follow redirects.</summary>
public sealed class PlainHttpUser : IDisposable
{
    private readonly HttpClient _http;
    private readonly string _origin;
    private readonly CookieContainer _cookies = new();

    /// <param name="url">The URL that receives the requests.</param>
    /// <param name="origin">The public URL of the portal, which browsers send as the origin of a form.</param>
    /// <param name="source">The client address, in 127.0.0.0/8.</param>
    public PlainHttpUser(string url, string origin, string source = "127.0.0.1")
    {
        _origin = origin;
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            CookieContainer = _cookies,
            ConnectCallback = async (context, stop) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
                    await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, stop);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        })
        { BaseAddress = new Uri(url), Timeout = Until.DefaultTimeout };
    }

    /// <summary>Gets a unique email address.</summary>
    public string Address { get; init; } = $"ann.{Guid.NewGuid():N}@example.com";

    public string UserAgent { get; init; } = "Tests/1.0";

    public Task<PlainAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<PlainAnswer> PostAsync(string path, string field, string value) =>
        SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent([KeyValuePair.Create(field, value)]));

    public async Task<PlainAnswer> SendAsync(HttpMethod method, string path, HttpContent? content = null, string? bearer = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Accept.ParseAdd("text/html");
        request.Headers.UserAgent.ParseAdd(UserAgent);
        if (content is not null) request.Headers.Add("Origin", _origin);
        if (bearer is not null) request.Headers.Authorization = new("Bearer", bearer);
        using var answer = await _http.SendAsync(request);
        var servedBy = answer.Headers.TryGetValues(Nginx.ServedBy, out var values) ? string.Join(", ", values) : "";
        return new PlainAnswer(
            $"{method} {path}", (int)answer.StatusCode, answer.Headers.Location?.OriginalString, servedBy,
            await answer.Content.ReadAsStringAsync());
    }

    public string Cookie(string name) => _cookies.GetAllCookies()[name].ShouldNotBeNull().Value;

    public void Dispose() => _http.Dispose();
}

/// <summary>A response with its body.</summary>
public sealed record PlainAnswer(string Request, int Status, string? Location, string ServedBy, string Body)
{
    public PlainAnswer ShouldBe(int status, string? location = null)
    {
        if ((status, location) != (Status, Location))
            throw new ShouldAssertException(
                $"{Request} should be answered with {status} {location}, but was with {Status} {Location} by {ServedBy}:\n{Body}");
        return this;
    }
}
