using System.Diagnostics;
using System.Globalization;
using System.Net;
using OtpPortal.Configuration;
using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Storage;

namespace OtpPortal.Bench;

/// <summary>Measures scaling: sessions, open pages, replicas.</summary>
internal static class Scale
{
    private const int Sessions = 100_000;
    private const int Pages = 500;

    // The portal returns unused memory when it has been idle for ten to twenty seconds.
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(30);

    /// <summary>Measures lists and the first admin page with 100,000 sessions.</summary>
    public static async Task ManySessionsAsync(Stage stage)
    {
        await using var portal = await stage.StartPortalAsync();
        using var http = new HttpClient();
        var idle = portal.Process.ResidentMegabytes;
        var (cookie, key) = (await AdminCookieAsync(portal), stage.Secret);
        using var stores = new Stores(
            RedisStore.Connect("otp", new RedisAddress(stage.RedisEndPoint, null, Tls: false, 0)),
            RedisStore.Connect("auth", new RedisAddress(stage.RedisEndPoint, null, Tls: false, 1)), null);
        var secret = new AuthSecret(key);
        var settings = new SettingsReader(new ConfigurationBuilder().Build(), isProduction: false, Path.GetTempPath()).Get<TokenSettings>();
        var index = new SessionIndex(stores);
        var tokens = new TokenStore(
            stores, new ReplicaWait(new StorageSettings(null, null, 0), stores), index, new UserAgents(stores),
            new AuthToken(secret, settings), settings,
            TimeProvider.System);
        var sessions = new SessionList(index, tokens);
        foreach (var numbers in Enumerable.Range(0, Sessions).Chunk(500))
        {
            await Task.WhenAll(
                numbers.Select(
                    number =>
                        tokens.IssueAsync(
                            $"user{number}@bench.example", $"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}",
                            "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")));
        }

        var rows = new List<(string What, string Measured)>();
        foreach (var query in (string[])["?details=true&limit=20", "?details=true&limit=100", "?details=true&limit=1000"])
        {
            rows.Add(
                ($"GET /auth-tokens{query}, first page",
                    await TimesAsync(30, () => ReadAsync(http, portal.Address, "/auth-tokens" + query, key))));
        }
        rows.Add(
            ("GET /auth-tokens?details=true, all of them",
                await TimesAsync(3, () => ReadAsync(http, portal.Address, "/auth-tokens?details=true", key))));
        foreach (var order in Enum.GetValues<SessionOrder>())
        {
            rows.Add(($"a page of 20 for the grid by {order}, from the store", await TimesAsync(30, () =>
                sessions.SliceAsync(new SessionQuery("", order, Descending: true, 0, 20)))));
        }
        rows.Add(("a page of 20 for the grid in the middle, by Email", await TimesAsync(30, () =>
            sessions.SliceAsync(new SessionQuery("", SessionOrder.Email, Descending: true, Sessions / 2, 20)))));
        rows.Add(("/admin/sessions opened until the grid's first rows are drawn: page, WebSocket, circuit", await TimesAsync(10, async () =>
        {
            await using var page = await Circuit.OpenAsync(portal.Address, "/admin/sessions", cookie, "@bench.example");
        })));
        rows.Add(("resident memory of the portal before", Megabytes(idle)));
        rows.Add(("resident memory of the portal after all of the above", Megabytes(portal.Process.ResidentMegabytes)));
        rows.Add(("resident memory of Redis with them", Megabytes(stage.Redis.ResidentMegabytes)));
        Print($"{Sessions:N0} sessions", rows);
    }

    /// <summary>
    /// Measures the memory of open pages. The signed-in page has no circuit, so it uses no memory after the response.
    /// </summary>
    public static async Task OpenPagesAsync(Stage stage)
    {
        var rows = new List<(string What, string Measured)>();
        foreach (var (what, path) in new[]
        {
            ("address pages", "/"), ("code pages", "/login/code"), ("overviews of the administration", "/admin"),
            ("session lists of the administration", "/admin/sessions"),
        })
        {
            await using var portal = await stage.StartPortalAsync(("TRUSTED_PROXIES", "127.0.0.1"));
            var cookie = path.StartsWith("/admin", StringComparison.Ordinal) ? await AdminCookieAsync(portal) : null;
            async Task<List<Circuit>> OpenAsync(int count)
            {
                var circuits = new List<Circuit>();
                foreach (var numbers in Enumerable.Range(0, count).Chunk(10))
                {
                    circuits.AddRange(await Task.WhenAll(numbers.Select(async _ => await Circuit.OpenAsync(
                        portal.Address, path, path == "/login/code" ? await FlowCookieAsync(stage, portal) : cookie))));
                }
                return circuits;
            }

            // Warm-up: JIT compilation and buffers must not be measured.
            foreach (var circuit in await OpenAsync(50)) await circuit.DisposeAsync();
            await Task.Delay(s_idle);
            var before = portal.Process.ResidentMegabytes;
            var open = await OpenAsync(Pages);
            await Task.Delay(s_idle);
            var after = portal.Process.ResidentMegabytes;
            foreach (var circuit in open) await circuit.DisposeAsync();
            rows.Add(
                ($"{Pages} {what} with their circuits", string.Create(
                    CultureInfo.InvariantCulture, $"{before:0} → {after:0} MB, {(after - before) * 1000 / Pages:0} KB each")));
        }
        Print("open pages", rows);
    }

    /// <summary>Measures one and two portals behind nginx.</summary>
    public static async Task ReplicasAsync(Stage stage, int seconds)
    {
        await using var first = await stage.StartPortalAsync();
        await using var second = await stage.StartPortalAsync();
        await using var nginx = Stage.StartNginx("replicas.conf", [("$FIRST", first.Port), ("$SECOND", second.Port)], out var proxy);
        var user = new BenchUser(first.Address, stage.Post);
        string[] urls = [first.Address + "/check-auth", proxy + "/one/check-auth", proxy + "/two/check-auth"];
        var rates = urls.ToDictionary(url => url, _ => new List<double>(), StringComparer.Ordinal);
        var count = 0;
        async Task<Load> RoundAsync(string url) => await Machine.MeasureAsync(
            url, seconds, await user.CheckAsync(await user.SignInAsync($"user{count++}@bench.example")));

        foreach (var url in urls) await Machine.WarmUpAsync(() => RoundAsync(url));
        for (var round = 0; round < Comparison.Rounds; round++)
        {
            foreach (var url in urls) rates[url].Add((await RoundAsync(url)).Rate);
        }
        Print(
            "/check-auth",
            [
                ("one portal, asked directly", Rate(rates[urls[0]])), ("one portal behind nginx", Rate(rates[urls[1]])),
                ("two portals behind nginx", Rate(rates[urls[2]])),
            ]);
    }

    private static async Task<string> FlowCookieAsync(Stage stage, Portal portal) =>
        "otp_flow=" + await new BenchUser(portal.Address, stage.Post).BeginAsync($"{Guid.NewGuid():N}@bench.example");

    private static async Task<string> AdminCookieAsync(Portal portal)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("key", portal.Secret)]);
        using var answer = await http.PostAsync(new Uri(portal.Address + "/admin/login"), form);
        if (answer.StatusCode != HttpStatusCode.SeeOther) throw new InvalidOperationException($"/admin/login: {(int)answer.StatusCode}");
        return answer.Headers.GetValues("Set-Cookie").First().Split(';')[0];
    }

    private static async Task ReadAsync(HttpClient http, string portal, string path, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, portal + path);
        request.Headers.Authorization = new("Bearer", key);
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await answer.EnsureSuccessStatusCode().Content.CopyToAsync(Stream.Null);
    }

    private static async Task<string> TimesAsync(int count, Func<Task> act)
    {
        await act();
        var times = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await act();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        times.Sort();
        return string.Create(CultureInfo.InvariantCulture, $"median {times[count / 2]:0.0} ms, slowest {times[^1]:0.0} ms");
    }

    private static string Megabytes(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} MB");

    private static string Rate(List<double> values) =>
        string.Create(CultureInfo.InvariantCulture, $"{values.Order().ElementAt(values.Count / 2):N0} a second");

    private static void Print(string title, IReadOnlyList<(string What, string Measured)> rows)
    {
        Console.WriteLine();
        Console.WriteLine($"| {title} | measured |");
        Console.WriteLine("| --- | ---: |");
        foreach (var (what, measured) in rows) Console.WriteLine($"| {what} | {measured} |");
    }
}
