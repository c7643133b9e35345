using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// An HTTP client with a cookie jar that does not follow redirects. Each instance uses its own loopback address
/// (127.x.y.z), so that limits per client address count the requests of one test only.
/// </summary>
public sealed class BrowserClient : IDisposable
{
    private static int s_nextSource;
    private readonly HttpClient _http;

    public BrowserClient(Uri portal, IPAddress? source = null)
    {
        Source = source ?? NewSource();
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectCallback = async (context, stop) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    socket.Bind(new IPEndPoint(Source, 0));
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
        {
            BaseAddress = portal,
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    /// <summary>Gets the client address that the portal sees.</summary>
    public IPAddress Source { get; }

    public Dictionary<string, string> Cookies { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets or sets whether cookies are stored and sent back.</summary>
    public bool KeepsCookies { get; set; } = true;

    /// <summary>Gets the headers of every request.</summary>
    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase) { ["Accept"] = "text/html" };

    /// <summary>Sets the Accept header to JSON.</summary>
    public BrowserClient AsProgram()
    {
        Headers["Accept"] = "application/json";
        return this;
    }

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Get, path, null, headers);

    public Task<Answer> PostAsync(string path, params (string Name, string Value)[] fields) =>
        SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))));

    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in Headers.Where(
            header => !headers.Any(own => own.Name.Equals(header.Key, StringComparison.OrdinalIgnoreCase))))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value)) throw new ArgumentException(name, nameof(headers));
        }
        if (Cookies.Count > 0)
            request.Headers.TryAddWithoutValidation(
                "Cookie", string.Join("; ", Cookies.Select(cookie => $"{cookie.Key}={Uri.EscapeDataString(cookie.Value)}")));
        using var response = await _http.SendAsync(request);
        var answer =
            new Answer((int)response.StatusCode, response.Headers, response.Content.Headers, await response.Content.ReadAsStringAsync());
        foreach (var cookie in KeepsCookies ? answer.Cookies : [])
        {
            if (cookie.IsRemoval) Cookies.Remove(cookie.Name);
            else Cookies[cookie.Name] = cookie.Value;
        }
        return answer;
    }

    public void Dispose() => _http.Dispose();

    private static IPAddress NewSource()
    {
        var number = Interlocked.Increment(ref s_nextSource);
        return new IPAddress([127, (byte)(1 + (number >> 14)), (byte)((number >> 7) & 127), (byte)(1 + (number & 127))]);
    }
}
