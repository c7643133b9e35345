using System.Diagnostics;
using System.Globalization;
using OtpPortal.Configuration;
using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>Measures how the cost of a session depends on the number of sessions.</summary>
internal static class Sizes
{
    private const string UserAgent =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

    /// <summary>Measures at 1,000 sessions and then at each power of ten up to BENCH_SESSIONS, 1,000,000 by default.</summary>
    public static async Task MeasureAsync(Stage stage)
    {
        var most = int.Parse(Environment.GetEnvironmentVariable("BENCH_SESSIONS") ?? "1000000", CultureInfo.InvariantCulture);
        using var stores = new Stores(
            RedisStore.Connect("otp", new RedisAddress(stage.RedisEndPoint, null, Tls: false, 0)),
            RedisStore.Connect("auth", new RedisAddress(stage.RedisEndPoint, null, Tls: false, 1)), null);
        using var admin = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{stage.RedisPort},allowAdmin=true");
        var settings = new SettingsReader(new ConfigurationBuilder().Build(), isProduction: false, Path.GetTempPath()).Get<TokenSettings>();
        var index = new SessionIndex(stores);
        var tokens = new TokenStore(
            stores, new ReplicaWait(new StorageSettings(null, null, 0), stores), index, new UserAgents(stores),
            new AuthToken(new AuthSecret(stage.Secret), settings), settings, TimeProvider.System);
        var list = new SessionList(index, tokens);
        var server = admin.GetServer("127.0.0.1", stage.RedisPort);
        var empty = await UsedMemoryAsync(server);

        Console.WriteLine();
        Console.WriteLine("| sessions | check | sign-in | page of 20, by last use | by address | memory in Redis per session |");
        Console.WriteLine("| ---: | ---: | ---: | ---: | ---: | ---: |");
        var count = 0;
        for (var size = 1000; size <= most; size *= 10)
        {
            var some = new List<string>();
            while (count < size)
            {
                var issued = await Task.WhenAll(Enumerable.Range(count, 500).Select(number => IssueAsync(tokens, number)));
                some.Add(issued[0].Token);
                count += issued.Length;
            }
            var memory = (await UsedMemoryAsync(server) - empty) / count;
            var next = 0;
            var check = await MicrosecondsAsync(2000, () => tokens.UseAsync(some[next++ % some.Count]));
            var signIn = await MicrosecondsAsync(500, () => IssueAsync(tokens, count++));
            var seen = await MicrosecondsAsync(
                200, () => list.SliceAsync(new SessionQuery("", SessionOrder.LastSeen, Descending: true, 0, 20)));
            var email = await MicrosecondsAsync(
                200, () => list.SliceAsync(new SessionQuery("user7", SessionOrder.Email, Descending: false, 0, 20)));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"| {size:N0} | {check} | {signIn} | {seen} | {email} | {memory:N0} bytes |"));
        }
    }

    private static Task<LiveToken> IssueAsync(TokenStore tokens, int number) => tokens.IssueAsync(
        $"user{number}@bench.example", $"10.{number >> 16 & 255}.{(number >> 8) & 255}.{number & 255}", UserAgent);

    private static async Task<long> UsedMemoryAsync(IServer server) =>
        long.Parse(
            (await server.InfoAsync("memory")).SelectMany(group => group).First(line => line.Key == "used_memory").Value,
            CultureInfo.InvariantCulture);

    private static async Task<string> MicrosecondsAsync(int count, Func<Task> act)
    {
        var times = new List<double>(count);
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await act();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        times.Sort();
        return string.Create(CultureInfo.InvariantCulture, $"{times[count / 2]:N0} µs");
    }
}
