using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// Runs clients that sign in, check and sign out until the portal stops, and records what the portal acknowledged.
/// Requests without a response have no expected outcome.
/// </summary>
internal sealed class KillLoad : IDisposable
{
    private const int OldSampleSize = 25;

    private readonly HttpClient _http =
        new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly ConcurrentDictionary<string, string> _live = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _ended = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _compared = new(StringComparer.Ordinal);
    private int _userCount;
    private int _acknowledged;

    /// <summary>Gets the number of acknowledged requests.</summary>
    public int Acknowledged => Volatile.Read(ref _acknowledged);

    public int Live => _live.Count;

    public int Ended => _ended.Count;

    /// <summary>Runs the clients concurrently until the portal stops.</summary>
    public Task RunAsync(Uri portal, int clients) =>
        Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => RunClientAsync(portal, client))));

    /// <summary>
    /// Compares the state of the portal with what it acknowledged since the last comparison and with a sample of earlier
    /// acknowledgements. Returns the differences.
    /// </summary>
    public async Task<IReadOnlyList<string>> FindLossesAsync(Uri portal)
    {
        var losses = new List<string>();
        foreach (var (address, token) in Due(_live))
        {
            using var answer = await CheckAsync(portal, token);
            if (answer.StatusCode == HttpStatusCode.OK) _live[address] = await TokenOfAsync(answer);
            else losses.Add($"{address} was signed in, and /check-auth answers {(int)answer.StatusCode}");
        }
        foreach (var (address, token) in Due(_ended))
        {
            using var answer = await CheckAsync(portal, token);
            if (answer.StatusCode != HttpStatusCode.Forbidden)
                losses.Add($"{address} was signed out, and /check-auth answers {(int)answer.StatusCode}");
        }
        return losses;

        List<KeyValuePair<string, string>> Due(ConcurrentDictionary<string, string> all)
        {
            var (recent, old) = (all.Where(item => _compared.TryAdd(item.Key + item.Value, 0)).ToList(), all.ToArray());
            Random.Shared.Shuffle(old);
            return [.. recent.Concat(old.Take(OldSampleSize)).DistinctBy(item => item.Key)];
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task RunClientAsync(Uri portal, int client)
    {
        for (var round = 0; ; round++)
        {
            try
            {
                await RunOnceAsync(portal, round, client);
            }
            catch (HttpRequestException e) when (e.StatusCode is not null)
            {
                // An error response acknowledges nothing.
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
            {
                // The portal has stopped.
                return;
            }
        }
    }

    private async Task RunOnceAsync(Uri portal, int round, int client)
    {
        var address = $"person{Interlocked.Increment(ref _userCount)}@example.com";
        var token = await SignInAsync(portal, address);
        _live[address] = token;
        using (var answer = await CheckAsync(portal, token))
        {
            answer.EnsureSuccessStatusCode();
            _live[address] = token = await TokenOfAsync(answer);
        }
        Interlocked.Increment(ref _acknowledged);
        // One in four stays signed in; the administrator signs out one in three of the others.
        if (round % 4 == 0) return;
        // Until the response arrives, both states are valid.
        _live.TryRemove(address, out _);
        if ((round + client) % 3 == 0) await RevokeAsync(portal, address);
        else await SignOutAsync(portal, token);
        _ended[address] = token;
        Interlocked.Increment(ref _acknowledged);
    }

    private async Task<string> SignInAsync(Uri portal, string address)
    {
        using var begin = new HttpRequestMessage(HttpMethod.Post, new Uri(portal, "/login"));
        begin.Headers.Accept.ParseAdd("application/json");
        begin.Content = new FormUrlEncodedContent([new("email", address)]);
        using var begun = await _http.SendAsync(begin);
        begun.EnsureSuccessStatusCode();
        var flow = CookieOf(begun, "otp_flow");

        string? code = null;
        while (code is null)
        {
            var messages = await _http.GetFromJsonAsync<JsonElement>(new Uri(portal, "/dev/mailbox.json"));
            code = messages.EnumerateArray().Where(message => message.GetProperty("to").GetString() == address)
                .Select(message => message.GetProperty("subject").GetString()![^6..]).FirstOrDefault();
        }

        using var submit = new HttpRequestMessage(HttpMethod.Post, new Uri(portal, "/login-otp"));
        submit.Headers.Accept.ParseAdd("application/json");
        submit.Headers.Add("Cookie", "otp_flow=" + flow);
        submit.Content = new FormUrlEncodedContent([new("code", code)]);
        using var submitted = await _http.SendAsync(submit);
        submitted.EnsureSuccessStatusCode();
        Interlocked.Increment(ref _acknowledged);
        return CookieOf(submitted, "auth_token");
    }

    private async Task SignOutAsync(Uri portal, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(portal, "/logout"));
        request.Headers.Add("Cookie", "auth_token=" + token);
        using var answer = await _http.SendAsync(request);
        if (answer.StatusCode != HttpStatusCode.SeeOther) throw new HttpRequestException("/logout failed", null, answer.StatusCode);
    }

    private async Task RevokeAsync(Uri portal, string address)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Delete, new Uri(portal, "/auth-tokens?email=" + Uri.EscapeDataString(address)));
        request.Headers.Authorization = new("Bearer", PortalHost.Secret);
        using var answer = await _http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
    }

    private async Task<HttpResponseMessage> CheckAsync(Uri portal, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(portal, "/check-auth"));
        request.Headers.Authorization = new("Bearer", token);
        return await _http.SendAsync(request);
    }

    private static async Task<string> TokenOfAsync(HttpResponseMessage answer) =>
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("auth_token").GetString()!;

    private static string CookieOf(HttpResponseMessage answer, string name) =>
        answer.Headers.GetValues("Set-Cookie").First(cookie => cookie.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..]
            .Split(';')[0];
}
