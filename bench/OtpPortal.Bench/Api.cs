using System.Globalization;
using System.Text.Json;

namespace OtpPortal.Bench;

/// <summary>
/// Compares the API for service accounts with a minimal endpoint that sends the same commands to the same Redis and signs and
/// verifies with the same keys.
/// </summary>
internal static class Api
{
    private const string Key = "8c0f4c4e-7f0f-4c35-9a77-3f9f0f8f7d11";

    private static readonly (string Name, string What, string Alg)[] s_parts =
    [
        ("OTP create", "otp-create", ""),
        ("OTP create and validate, in turns", "otp-pair", ""),
        ("JWT create, EdDSA", "jwt-create", "EdDSA"),
        ("JWT create, RS256", "jwt-create", "RS256"),
        ("JWT validate, EdDSA", "jwt-validate", "EdDSA"),
        ("JWT validate, RS256", "jwt-validate", "RS256"),
    ];

    public static async Task MeasureAsync(Stage stage, int seconds)
    {
        await using var portal = await stage.StartPortalAsync(
            ("V2_ADMIN_ACCOUNT", $"2f7a1f60-6b1c-4b6e-9b5f-0f6a3c1d2e4b:{Key}:bench"), ("LIMIT_REQUESTS_PER_ACCOUNT", "1000000/1"));
        var barePort = Machine.FreePort();
        await using var bare = Stage.StartSelf("bare-api", $"{barePort}", $"127.0.0.1:{stage.RedisPort}", Key);
        using var http = new HttpClient();
        var yardstick = $"http://127.0.0.1:{barePort}";
        await Machine.WaitForAsync(http, yardstick + "/");

        var script = Stage.Script("api.lua");
        var comparisons = s_parts.ToDictionary(part => part.Name, _ => new Comparison(), StringComparer.Ordinal);
        async Task<Load> RoundAsync(string what, string alg, string address) => await Machine.MeasureAsync(
            address + "/", seconds, script, ("BENCH_WHAT", what), ("BENCH_ALG", alg),
            ("BENCH_JWT", what == "jwt-validate" ? await CreateAsync(http, address, alg) : ""), ("BENCH_KEY", Key));

        foreach (var (_, what, alg) in s_parts)
        {
            foreach (var address in (string[])[portal.Address, yardstick]) await Machine.WarmUpAsync(() => RoundAsync(what, alg, address));
        }
        for (var round = 0; round < Comparison.Rounds; round++)
        {
            foreach (var (name, what, alg) in s_parts)
                await comparisons[name].AddAsync(() => RoundAsync(what, alg, yardstick), () => RoundAsync(what, alg, portal.Address));
        }

        Console.WriteLine();
        Console.WriteLine(
            $"{Environment.ProcessorCount} cores, load generator and Redis on the same machine; median of {Comparison.Rounds} rounds of "
                + $"{seconds} s, 32 connections");
        Console.WriteLine();
        Console.WriteLine("| service accounts | requests a second | bare endpoint | of the bare endpoint |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        foreach (var (name, _, _) in s_parts)
        {
            var comparison = comparisons[name];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {comparison.Portal.Rate:N0} | {comparison.Bare.Rate:N0} | {comparison.Ratio:P0} |"));
        }
        Console.WriteLine();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"resident memory of the portal after all of the above: {portal.Process.ResidentMegabytes:0} MB"));
    }

    private static async Task<string> CreateAsync(HttpClient http, string address, string alg)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address + "/api/v2/jwt/create")
        {
            Content = JsonContent.Create(
                new { jwtCreateParams = new { alg, claims = new { email = "ann@bench.example" }, lifespanSeconds = 3600 } }),
        };
        request.Headers.Add("X-API-KEY", Key);
        using var response = await http.SendAsync(request);
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        return answer.GetProperty("jwtCreateResults").GetProperty("jwt").GetString()!;
    }
}
