using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace OtpPortal.Bench;

/// <summary>
/// Compares the gateway with a minimal endpoint on the same Redis: it reads the form, compares the secret, sends the same
/// commands, and writes a response of the same size.
/// </summary>
internal static class Gateway
{
    // With 20 attempts per id and the lifetime of a record, enough that most attempts of a round are counted and compared.
    private const int Ids = 6000;
    private static readonly string[] s_requests = ["put", "hook", "check", "status"];

    public static async Task MeasureAsync(Stage stage, int seconds)
    {
        await using var hook = await HookAsync();
        await using var portal = await stage.StartPortalAsync(
            ("NAMESPACES", "Bench:secret-of-the-bench"), ("WEBHOOKS", "hook"), ("WEBHOOK_HOOK_URL", hook.Urls.Single() + "/otp"),
            ("WEBHOOK_HOOK_CHANNEL_NAME", "Hook"), ("WEBHOOK_HOOK_ADDRESS_NAME", "Name"),
            ("WEBHOOK_HOOK_MAX_ADDRESS_LEN", "100"), ("WEBHOOK_HOOK_MAX_OTP_LEN", "6"), ("WEBHOOK_HOOK_CONNECTIONS", "64"));
        var barePort = Machine.FreePort();
        await using var bare = Stage.StartSelf("bare-gateway", $"{barePort}", $"127.0.0.1:{stage.RedisPort}", hook.Urls.Single() + "/otp");
        using var http = new HttpClient();
        var yardstick = $"http://127.0.0.1:{barePort}";
        await Machine.WaitForAsync(http, yardstick + "/");

        var script = Stage.Script("gateway.lua");
        var comparisons = s_requests.ToDictionary(what => what, _ => new Comparison(), StringComparer.Ordinal);
        async Task<Load> RoundAsync(string what, string address)
        {
            if (what is "check" or "status") await PrepareAsync(http, portal.Address, closed: what == "status");
            return await Machine.MeasureAsync(address + "/", seconds, script, ("BENCH_WHAT", what), ("BENCH_IDS", $"{Ids}"));
        }

        foreach (var what in s_requests)
        {
            foreach (var address in (string[])[portal.Address, yardstick]) await Machine.WarmUpAsync(() => RoundAsync(what, address));
        }
        for (var round = 0; round < Comparison.Rounds; round++)
        {
            foreach (var what in s_requests)
                await comparisons[what].AddAsync(() => RoundAsync(what, yardstick), () => RoundAsync(what, portal.Address));
        }

        Console.WriteLine();
        Console.WriteLine(
            $"{Environment.ProcessorCount} cores, load generator, Redis and the webhook's receiver on the same machine; median of "
                + $"{Comparison.Rounds} rounds of {seconds} s, 32 connections");
        Console.WriteLine();
        Console.WriteLine("| gateway | per second | bare endpoint | of the bare endpoint | p99 | of the bare endpoint |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
        foreach (var (what, name) in new[]
        {
            ("put", "PUT without sending"), ("hook", "PUT with a webhook"), ("check", "check, wrong code"), ("status", "status"),
        })
        {
            var comparison = comparisons[what];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {comparison.Portal.Rate:N0} | {comparison.Bare.Rate:N0} | {comparison.Ratio:P0} "
                    + $"| {comparison.Portal.P99:0.0} ms | {comparison.Bare.P99:0.0} ms |"));
        }
        Console.WriteLine();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"resident memory of the portal after all of the above: {portal.Process.ResidentMegabytes:0} MB"));
    }

    // Creates ids with all attempts left, or closed ids for status requests.
    private static async Task PrepareAsync(HttpClient http, string portal, bool closed)
    {
        var credentials = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes("Bench:secret-of-the-bench")));
        async Task SendAsync(HttpMethod method, string path, params (string Name, string Value)[] fields)
        {
            using var request = new HttpRequestMessage(method, portal + path)
            {
                Content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))),
            };
            request.Headers.Authorization = credentials;
            using var response = await http.SendAsync(request);
        }

        foreach (var numbers in Enumerable.Range(0, Ids).Chunk(64))
        {
            await Task.WhenAll(numbers.Select(async number =>
            {
                var path = "/api/otp/bench-" + number;
                // Closes the ids that an earlier round left open.
                await SendAsync(HttpMethod.Post, path, ("otp", "123456"));
                await SendAsync(
                    HttpMethod.Put, path, ("provider", "hook"), ("otp", "123456"), ("max_attempts", "20"), ("max_generate", "20"),
                    ("ttl", "3600"));
                if (closed) await SendAsync(HttpMethod.Post, path, ("otp", "123456"), ("skip_delete", "true"));
            }));
        }
    }

    private static async Task<WebApplication> HookAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{Machine.FreePort()}");
        var app = builder.Build();
        app.MapPost("/otp", () => Results.Ok());
        await app.StartAsync();
        return app;
    }
}
