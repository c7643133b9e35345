using System.Collections.Concurrent;
using System.Diagnostics;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// Clients that sign in, check and sign out, again and again, while a test changes the servers. Responses other than 503 must
/// be right: a code or a session is never lost, and a revoked session never comes back.
/// </summary>
internal sealed class StoreLoad(PortalHost portal) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly ConcurrentQueue<(long At, string Request)> _unavailable = new();
    private Task _clients = Task.CompletedTask;
    private int _rounds;

    /// <summary>Gets the number of completed rounds: sign-in, checks and sign-out.</summary>
    public int Rounds => Volatile.Read(ref _rounds);

    /// <summary>Gets the requests with a wrong response.</summary>
    public IReadOnlyCollection<string> Wrong => _wrong;

    /// <summary>Gets the requests that were answered with 503.</summary>
    public IReadOnlyCollection<string> Unavailable => [.. _unavailable.Select(item => item.Request)];

    public static StoreLoad Start(PortalHost portal, int clients)
    {
        var load = new StoreLoad(portal);
        load._clients = Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(load.RunAsync)));
        return load;
    }

    /// <summary>Waits until this many more rounds have been completed.</summary>
    public Task WaitForRoundsAsync(int count)
    {
        var target = Rounds + count;
        return Eventually.BeTrueAsync(async () =>
        {
            if (_clients.IsCompleted) await _clients;
            return Rounds >= target;
        });
    }

    /// <summary>Returns the time from an instant to the latest 503; zero if there was none since.</summary>
    public TimeSpan LatestFailureAfter(long instant) => _unavailable.Select(item => item.At).Where(at => at > instant)
        .Select(at => Stopwatch.GetElapsedTime(instant, at)).DefaultIfEmpty(TimeSpan.Zero).Max();

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _clients;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            using var browser = new BrowserClient(portal.Address).AsProgram();
            if (await RunOnceAsync(browser, TestUser.New())) Interlocked.Increment(ref _rounds);
        }
    }

    // Returns false if a request failed that cannot be repeated.
    private async Task<bool> RunOnceAsync(BrowserClient browser, string email)
    {
        if (!await ExpectAsync("POST /login", () => browser.PostAsync("/login", ("email", email)), 202)) return false;
        var code = await portal.CodeForAsync(email);
        if (!await ExpectAsync("POST /login-otp", () => browser.PostAsync("/login-otp", ("code", code)), 200)) return false;
        var token = browser.Cookies["auth_token"];
        for (var i = 0; i < 3; i++) await CheckAsync(browser, 200);
        if (!browser.Cookies.ContainsKey("auth_token")) return false;
        if (!await ExpectAsync("POST /logout", () => browser.PostAsync("/logout"), 303)) return false;
        browser.Cookies["auth_token"] = token;
        await CheckAsync(browser, 403);
        return true;
    }

    private Task CheckAsync(BrowserClient browser, int status) =>
        Eventually.BeTrueAsync(() => ExpectAsync("GET /check-auth", () => browser.GetAsync("/check-auth"), status));

    private async Task<bool> ExpectAsync(string request, Func<Task<Answer>> send, int status)
    {
        var answer = await send();
        if (answer.Status == 503) _unavailable.Enqueue((Stopwatch.GetTimestamp(), request));
        else if (answer.Status != status) _wrong.Enqueue($"{request}: {answer.Status} instead of {status} {answer.Body}");
        return answer.Status != 503;
    }
}
