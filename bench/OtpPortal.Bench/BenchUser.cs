using System.Net;
using System.Text.Json;

namespace OtpPortal.Bench;

/// <summary>Signs in over HTTP like a browser without script.</summary>
internal sealed class BenchUser(string portal, FakePostmark post)
{
    private static readonly SocketsHttpHandler s_handler =
        new() { UseCookies = false, AllowAutoRedirect = false, MaxConnectionsPerServer = 64 };
    private static readonly HttpClient s_http = new(s_handler, disposeHandler: false);

    /// <summary>Completes a sign-in: start page, address, code page, code. Returns the token.</summary>
    public async Task<string> SignInAsync(string address)
    {
        using (var start = await SendAsync(HttpMethod.Get, "/", null, null)) Expect(start, HttpStatusCode.OK);
        var flow = await BeginAsync(address);
        using (var page = await SendAsync(HttpMethod.Get, "/login/code", "otp_flow=" + flow, null)) Expect(page, HttpStatusCode.OK);
        using var done =
            await SendAsync(HttpMethod.Post, "/login-otp", "otp_flow=" + flow, new() { ["code"] = await post.CodeFor(address) });
        Expect(done, HttpStatusCode.SeeOther);
        return Cookie(done, "auth_token");
    }

    /// <summary>Checks a token. Returns its successor, because the first check rotates it.</summary>
    public async Task<string> CheckAsync(string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, portal + "/check-auth");
        request.Headers.Authorization = new("Bearer", token);
        using var response = await s_http.SendAsync(request);
        using var json = JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        return json.RootElement.GetProperty("auth_token").GetString()!;
    }

    /// <summary>Requests a code. Returns the flow's id.</summary>
    public async Task<string> BeginAsync(string address)
    {
        using var begun = await SendAsync(HttpMethod.Post, "/login", null, new() { ["email"] = address });
        Expect(begun, HttpStatusCode.SeeOther);
        return Cookie(begun, "otp_flow");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? cookie, Dictionary<string, string>? form)
    {
        using var request = new HttpRequestMessage(method, portal + path);
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        if (form is not null) request.Content = new FormUrlEncodedContent(form);
        return await s_http.SendAsync(request);
    }

    private static string Cookie(HttpResponseMessage response, string name)
    {
        var cookie = response.Headers.GetValues("Set-Cookie").First(text => text.StartsWith(name + "=", StringComparison.Ordinal));
        return cookie[(name.Length + 1)..cookie.IndexOf(';', StringComparison.Ordinal)];
    }

    private static void Expect(HttpResponseMessage response, HttpStatusCode status)
    {
        if (response.StatusCode != status)
            throw new InvalidOperationException($"{response.RequestMessage!.RequestUri}: {(int)response.StatusCode}");
    }
}
