using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Running;

/// <summary>A replica of the portal.</summary>
/// <param name="Name">The name in the history: <c>a</c>, <c>b</c>.</param>
internal sealed record Replica(string Name, Uri Address);

/// <summary>Calls the portal over HTTP and records each call.</summary>
internal sealed class PortalApi(Recorder recorder, string operatorKey, int client) : IDisposable
{
    // Some faults last longer, so that requests are executed after their clients have given up.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(4);

    // Each request has its own connection: HttpClient repeats a request whose reused connection was closed.
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        UseCookies = false,
        AllowAutoRedirect = false,
        UseProxy = false,
        PooledConnectionLifetime = TimeSpan.Zero,
    })
    {
        Timeout = s_timeout,
    };

    public Task<Operation> BeginAsync(Replica portal, string email) => SendAsync(
        portal, Form(portal, "/login", ("email", email)), Call(OperationKind.Begin) with { Email = email },
        async (call, answer) =>
            call.Status == 202 ? call with { Flow = (await ReadAsync(answer)).GetProperty("flow").GetString() } : call);

    public Task<Operation> SubmitAsync(Replica portal, string email, string flow, string code) => SendAsync(
        portal, Form(portal, "/login-otp", ("flow", flow), ("code", code)),
        Call(OperationKind.Submit) with { Email = email, Flow = flow, Code = code },
        async (call, answer) => call.Status switch
        {
            200 => call with
            {
                Answered = TokenCookieOf(answer),
                AnsweredEmail = (await ReadAsync(answer)).GetProperty("email").GetString(),
            },
            401 => call with { AttemptsLeft = (await ReadAsync(answer)).GetProperty("attempts_left").GetInt32() },
            _ => call,
        });

    public Task<Operation> CheckAsync(Replica portal, string email, string token)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(portal.Address, "/check-auth"));
        request.Headers.Authorization = new("Bearer", token);
        return SendAsync(portal, request, Call(OperationKind.Check) with { Email = email, Token = token }, async (call, answer) =>
        {
            if (call.Status != 200) return call;
            var body = await ReadAsync(answer);
            return call with
            {
                Answered = body.GetProperty("auth_token").GetString(),
                AnsweredEmail = body.GetProperty("email").GetString(),
            };
        });
    }

    public Task<Operation> LogoutAsync(Replica portal, string email, string token)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(portal.Address, "/logout"));
        request.Headers.Add("Cookie", "auth_token=" + token);
        return SendAsync(portal, request, Call(OperationKind.Logout) with { Email = email, Token = token }, Unchanged);
    }

    public Task<Operation> RevokeSessionAsync(Replica portal, string email, string sessionId) => SendAsync(
        portal, WithKey(HttpMethod.Delete, portal, "/auth-tokens/" + sessionId),
        Call(OperationKind.RevokeSession) with { Email = email, SessionId = sessionId }, Unchanged);

    public Task<Operation> RevokeUserAsync(Replica portal, string email) => SendAsync(
        portal, WithKey(HttpMethod.Delete, portal, "/auth-tokens?email=" + Uri.EscapeDataString(email)),
        Call(OperationKind.RevokeUser) with { Email = email }, Unchanged);

    public Task<Operation> ListAsync(Replica portal, string email) => SendAsync(
        portal, WithKey(HttpMethod.Get, portal, "/auth-tokens?details=true&email=" + Uri.EscapeDataString(email)),
        Call(OperationKind.List) with { Email = email },
        async (call, answer) => call.Status != 200 ? call : call with
        {
            Listed = [.. (await answer.Content.ReadFromJsonAsync<Entry[]>())!.Select(entry => new ListedSession(entry.Id, entry.Token))],
        });

    public void Dispose() => _http.Dispose();

    private static Task<Operation> Unchanged(Operation call, HttpResponseMessage answer) => Task.FromResult(call);

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer) => await answer.Content.ReadFromJsonAsync<JsonElement>();

    private static HttpRequestMessage Form(Replica portal, string path, params (string Name, string Value)[] fields)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(portal.Address, path))
        {
            Content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))),
        };
        request.Headers.Accept.ParseAdd("application/json");
        return request;
    }

    private static string TokenCookieOf(HttpResponseMessage answer)
    {
        const string name = "auth_token=";
        var cookie = answer.Headers.GetValues("Set-Cookie").First(cookie => cookie.StartsWith(name, StringComparison.Ordinal));
        return cookie[name.Length..].Split(';')[0];
    }

    private HttpRequestMessage WithKey(HttpMethod method, Replica portal, string path)
    {
        var request = new HttpRequestMessage(method, new Uri(portal.Address, path));
        request.Headers.Authorization = new("Bearer", operatorKey);
        return request;
    }

    private Operation Call(OperationKind kind) =>
        new() { Id = recorder.NextId(), Kind = kind, Client = client, Start = recorder.Now, End = 0 };

    private async Task<Operation> SendAsync(
        Replica portal, HttpRequestMessage request, Operation call, Func<Operation, HttpResponseMessage, Task<Operation>> read)
    {
        using (request)
        {
            call = call with { Portal = portal.Name, Start = recorder.Now };
            try
            {
                using var answer = await _http.SendAsync(request);
                call = await read(call with { Status = (int)answer.StatusCode }, answer);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException or JsonException)
            {
                // An incomplete answer is no answer.
                call = call with { Status = null, Failure = $"{e.GetType().Name}: {e.Message}" };
            }
            call = call with { End = recorder.Now };
            recorder.Add(call);
            return call;
        }
    }

    private sealed record Entry(
        [property: JsonPropertyName("id")] string Id, [property: JsonPropertyName("auth_token")] string Token);
}
