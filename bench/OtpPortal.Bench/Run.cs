using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>Runs all measurements. Rounds alternate with the baseline, so that noise on the machine affects both.</summary>
internal static class Run
{
    // A single start depends too much on what else the machine does.
    private const int Starts = 5;

    private static readonly string[] s_parts = ["requests", "gateway", "api", "delivery", "sessions", "sizes", "pages", "replicas"];

    /// <param name="args">Seconds per round, followed by the parts to measure; all parts if none are given.</param>
    public static async Task<int> AllAsync(string[] args)
    {
        var seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
        foreach (var part in args.Length > 1 ? args[1..] : s_parts)
        {
            // Each part has its own stores.
            await using var stage = await Stage.OpenAsync();
            await (part switch
            {
                "requests" => RequestsAsync(stage, seconds),
                "gateway" => Gateway.MeasureAsync(stage, seconds),
                "api" => Api.MeasureAsync(stage, seconds),
                "delivery" => Delivery.MeasureAsync(stage),
                "sessions" => Scale.ManySessionsAsync(stage),
                "sizes" => Sizes.MeasureAsync(stage),
                "pages" => Scale.OpenPagesAsync(stage),
                "replicas" => Scale.ReplicasAsync(stage, seconds),
                _ => throw new ArgumentException($"There is no part {part}, but {string.Join(", ", s_parts)}."),
            });
        }
        return 0;
    }

    private static async Task RequestsAsync(Stage stage, int seconds)
    {
        using var http = new HttpClient();
        var redisPort = stage.RedisPort;
        using var connection =
            await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{redisPort},allowAdmin=true,abortConnect=false,connectRetry=20");
        var post = stage.Post;
        var starts = new List<TimeSpan>();
        for (var i = 0; i < Starts; i++)
        {
            await using var started = await stage.StartPortalAsync();
            starts.Add(started.StartTime);
        }
        await using var portalProcess = await stage.StartPortalAsync();
        var portal = portalProcess.Address;
        var idleMemory = portalProcess.Process.ResidentMegabytes;

        var barePort = Machine.FreePort();
        var bare = $"http://127.0.0.1:{barePort}";
        await using var bareProcess = Stage.StartSelf("bare", $"{barePort}", $"127.0.0.1:{redisPort}");
        await Machine.WaitForAsync(http, bare + "/");

        // The app behind the proxy is the minimal endpoint, once with and once without the request to the portal.
        await using var nginx = Stage.StartNginx("nginx.conf", [("$PORTAL", portalProcess.Port), ("$APP", barePort)], out var proxy);

        var user = new BenchUser(portal, post);
        var count = 0;
        async Task<Load> SignInsAsync()
        {
            var start = Stopwatch.GetTimestamp();
            var end = start + (seconds * Stopwatch.Frequency);
            var times = new ConcurrentBag<double>();
            await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
            {
                while (Stopwatch.GetTimestamp() < end)
                {
                    var begin = Stopwatch.GetTimestamp();
                    await user.SignInAsync($"user{Interlocked.Increment(ref count)}@bench.example");
                    times.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
                }
            }));
            return new Load(times.Count / Stopwatch.GetElapsedTime(start).TotalSeconds, times.Order().ElementAt(times.Count * 99 / 100));
        }

        async Task<string> TokenAsync() =>
            await user.CheckAsync(await user.SignInAsync($"user{Interlocked.Increment(ref count)}@bench.example"));
        Task<Load> BareAsync() => Machine.MeasureAsync(bare + "/", seconds);
        (string Name, string Url)[] parts =
        [
            ("bare Kestrel endpoint: one GET", bare + "/get"),
            ("`/check-auth`", portal + "/check-auth"),
            ("`/forward-auth`, asked directly", portal + "/forward-auth"),
            ("the bare endpoint behind nginx", proxy + "/open/"),
            ("the bare endpoint behind nginx, guarded by `/forward-auth`", proxy + "/guarded/"),
            ("`GET /`, the address page", portal + "/"),
        ];
        async Task<Load> RoundAsync(string url) =>
            await Machine.MeasureAsync(url, seconds, url == portal + "/" || url == bare + "/get" ? null : await TokenAsync());

        await Machine.WarmUpAsync(SignInsAsync);
        await Machine.WarmUpAsync(BareAsync);
        foreach (var (_, url) in parts) await Machine.WarmUpAsync(() => RoundAsync(url));

        var signIns = new List<Load>();
        var comparisons = parts.ToDictionary(part => part.Name, _ => new Comparison(), StringComparer.Ordinal);
        for (var round = 0; round < Comparison.Rounds; round++)
        {
            foreach (var (name, url) in parts) await comparisons[name].AddAsync(BareAsync, () => RoundAsync(url));
            signIns.Add(await SignInsAsync());
        }

        var roundTrips = await CommandsPerCheckAsync(connection, redisPort, user, await TokenAsync());
        Console.WriteLine();
        Console.WriteLine(
            $"{Environment.ProcessorCount} cores, load generator and Redis on the same machine; median of {Comparison.Rounds} rounds of "
                + $"{seconds} s, 32 connections");
        Console.WriteLine();
        Console.WriteLine("| what | per second | of the bare endpoint | p99 |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Row("bare Kestrel endpoint: one GETEX", comparisons[parts[0].Name].Bare, 1);
        foreach (var (name, _) in parts) Row(name, comparisons[name].Portal, comparisons[name].Ratio);
        var signIn = Load.Median(signIns);
        Row("whole sign-ins: begin, code, check, and the email", signIn, signIn.Rate / comparisons[parts[0].Name].Bare.Rate);
        Console.WriteLine();
        Console.WriteLine("| what | measured |");
        Console.WriteLine("| --- | ---: |");
        Console.WriteLine($"| start to the first page, median of {Starts} | {starts.Order().ElementAt(Starts / 2).TotalSeconds:0.00} s |");
        Console.WriteLine($"| resident memory after the first page | {idleMemory:0} MB |");
        Console.WriteLine($"| resident memory after all of the above | {portalProcess.Process.ResidentMegabytes:0} MB |");
        Console.WriteLine($"| Redis commands of one /check-auth | {roundTrips} |");
    }

    private static async Task<string> CommandsPerCheckAsync(ConnectionMultiplexer connection, int redisPort, BenchUser user, string token)
    {
        var server = connection.GetServer("127.0.0.1", redisPort);
        await server.ConfigResetStatisticsAsync();
        await user.CheckAsync(token);
        var commands = (await server.InfoAsync("commandstats")).SelectMany(group => group)
            .Select(entry => entry.Key["cmdstat_".Length..])
            .Where(name => name is not ("info" or "config" or "config|resetstat" or "ping"));
        return string.Join(", ", commands.Order(StringComparer.Ordinal));
    }

    private static void Row(string what, Load load, double ratio) => Console.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"| {what} | {load.Rate:N0} | {ratio:P0} | {load.P99:0.0} ms |"));
}
