using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>Every measurement, in rounds that take turns with the yardstick, so that a noisy machine is noisy for all of them.</summary>
internal static class Run
{
    public static async Task<int> AllAsync(string[] args)
    {
        var seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
        const int Rounds = 3;
        var repository = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../.."));
        var portalDll = Path.Combine(repository, "artifacts/bench/OtpPortal.dll");
        var carry = Path.Combine(repository, "bench/carry.lua");
        using var http = new HttpClient();

        var redisPort = Machine.FreePort();
        await using var redis = Child.Start("redis-server", ["--port", $"{redisPort}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        using var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{redisPort},allowAdmin=true,abortConnect=false,connectRetry=20");
        await using var post = await PostmarkStandIn.StartAsync();

        var portalPort = Machine.FreePort();
        var portal = $"http://127.0.0.1:{portalPort}";
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            // As in the Dockerfile.
            ["DOTNET_GCgen0size"] = "0x400000",
            ["AUTH_SECRET_KEY"] = Guid.NewGuid().ToString("N"),
            ["PORT"] = $"{portalPort}",
            ["BIND_ADDRESS"] = "127.0.0.1",
            ["PUBLIC_URL"] = portal,
            ["REDIS_URL_OTP"] = $"redis://127.0.0.1:{redisPort}/0",
            ["REDIS_URL_AUTH"] = $"redis://127.0.0.1:{redisPort}/1",
            ["POSTMARK_SERVER_TOKEN"] = "bench",
            ["POSTMARK_API_URL"] = $"http://127.0.0.1:{post.Port}",
            ["LIMIT_SENDS_PER_IP"] = "1000000/1",
        };
        var cold = Stopwatch.GetTimestamp();
        await using var portalProcess = Child.Start("dotnet", [portalDll], settings);
        await Machine.WaitForAsync(http, portal + "/");
        var coldStart = Stopwatch.GetElapsedTime(cold);
        var idleMemory = portalProcess.ResidentMegabytes;

        var barePort = Machine.FreePort();
        var bare = $"http://127.0.0.1:{barePort}";
        await using var bareProcess = Child.Start("dotnet", [Environment.ProcessPath is { } path && path.EndsWith(".dll", StringComparison.Ordinal) ? path : Path.Combine(AppContext.BaseDirectory, "OtpPortal.Bench.dll"), "bare", $"{barePort}", $"127.0.0.1:{redisPort}"]);
        await Machine.WaitForAsync(http, bare + "/");

        var (proxy, nginx) = StartNginx(repository, portalPort, barePort);
        await using var nginxProcess = nginx;

        var visitor = new Visitor(portal, post);
        var token = await visitor.SignInAsync("ann@bench.example");
        await Machine.WrkAsync(bare + "/", 2, 32, carry);
        await Machine.WrkAsync(portal + "/check-auth", 2, 32, carry, token);
        await Machine.WrkAsync(portal + "/", 2, 32, carry);

        var (bares, rotating, sliding, pages, signIns, forward, proxied, unguarded) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var count = 0;
        for (var round = 0; round < Rounds; round++)
        {
            bares.Add(await Machine.WrkAsync(bare + "/", seconds, 32, carry));
            // A token of its own each round, so that its first check rotates and the successor is carried along.
            rotating.Add(await Machine.WrkAsync(portal + "/check-auth", seconds, 32, carry, await visitor.SignInAsync($"rotating{round}@bench.example")));
            var rotated = await RotateOnceAsync(http, portal, await visitor.SignInAsync($"sliding{round}@bench.example"));
            sliding.Add(await Machine.WrkAsync(portal + "/check-auth", seconds, 32, carry, rotated));
            forward.Add(await Machine.WrkAsync(portal + "/forward-auth", seconds, 32, carry, rotated));
            proxied.Add(await Machine.WrkAsync(proxy + "/guarded/", seconds, 32, carry, rotated));
            unguarded.Add(await Machine.WrkAsync(proxy + "/open/", seconds, 32, carry, rotated));
            pages.Add(await Machine.WrkAsync(portal + "/", seconds, 32, carry));

            var end = Stopwatch.GetTimestamp() + (seconds * Stopwatch.Frequency);
            var start = Stopwatch.GetTimestamp();
            var done = 0;
            await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
            {
                while (Stopwatch.GetTimestamp() < end)
                {
                    await visitor.SignInAsync($"visitor{Interlocked.Increment(ref count)}@bench.example");
                    Interlocked.Increment(ref done);
                }
            }));
            signIns.Add(done / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        var roundTrips = await CommandsPerCheckAsync(http, connection, redisPort, portal, token);
        var yardstick = Median(bares);
        Console.WriteLine();
        Console.WriteLine($"{Environment.ProcessorCount} cores, load generator and Redis on the same machine; median of {Rounds} rounds of {seconds} s, 32 connections");
        Console.WriteLine();
        Console.WriteLine("| what | per second | of the bare endpoint |");
        Console.WriteLine("| --- | ---: | ---: |");
        Row("bare Kestrel endpoint: GET + EXPIRE", yardstick, yardstick);
        Row("/check-auth, bearer, returned token carried along", Median(rotating), yardstick);
        Row("/check-auth, sliding only", Median(sliding), yardstick);
        Row("/forward-auth, asked directly", Median(forward), yardstick);
        Row("the bare endpoint behind nginx, not guarded", Median(unguarded), yardstick);
        Row("the bare endpoint behind nginx, guarded by /forward-auth", Median(proxied), yardstick);
        Row("GET / (address page)", Median(pages), yardstick);
        Row("whole sign-ins over HTTP (4 requests and a mail each)", Median(signIns), yardstick);
        Console.WriteLine();
        Console.WriteLine("| what | measured |");
        Console.WriteLine("| --- | ---: |");
        Console.WriteLine($"| cold start to the first page | {coldStart.TotalSeconds:0.00} s |");
        Console.WriteLine($"| resident memory after the first page | {idleMemory:0} MB |");
        Console.WriteLine($"| resident memory after all of the above | {portalProcess.ResidentMegabytes:0} MB |");
        Console.WriteLine($"| Redis commands of one /check-auth | {roundTrips} |");
        return 0;
    }

    // The app behind it is the bare endpoint, once with and once without the question to the portal.
    private static (string Address, Child Process) StartNginx(string repository, int portal, int app)
    {
        var port = Machine.FreePort();
        var folder = Directory.CreateTempSubdirectory("otpportal-bench").FullName;
        var configuration = File.ReadAllText(Path.Combine(repository, "bench/nginx.conf"))
            .Replace("$PORTAL", $"{portal}", StringComparison.Ordinal).Replace("$APP", $"{app}", StringComparison.Ordinal).Replace("$PORT", $"{port}", StringComparison.Ordinal);
        var file = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(file, configuration);
        return ($"http://127.0.0.1:{port}", Child.Start("nginx", ["-p", folder, "-c", file]));
    }

    private static async Task<string> RotateOnceAsync(HttpClient http, string portal, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, portal + "/check-auth");
        request.Headers.Authorization = new("Bearer", token);
        using var response = await http.SendAsync(request);
        using var json = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStreamAsync());
        return json.RootElement.GetProperty("auth_token").GetString()!;
    }

    private static async Task<string> CommandsPerCheckAsync(HttpClient http, ConnectionMultiplexer connection, int redisPort, string portal, string token)
    {
        var current = await RotateOnceAsync(http, portal, token);
        var server = connection.GetServer("127.0.0.1", redisPort);
        await server.ConfigResetStatisticsAsync();
        await RotateOnceAsync(http, portal, current);
        var commands = (await server.InfoAsync("commandstats")).SelectMany(group => group)
            .Select(entry => entry.Key["cmdstat_".Length..]).Where(name => name is not ("info" or "config" or "config|resetstat" or "ping"));
        return string.Join(", ", commands.Order(StringComparer.Ordinal));
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static void Row(string what, double value, double yardstick) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {what} | {value:N0} | {value / yardstick:P0} |"));
}
