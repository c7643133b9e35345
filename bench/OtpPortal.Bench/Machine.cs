using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Bench;

/// <summary>A child process that ends with the benchmark.</summary>
internal sealed class Child : IAsyncDisposable
{
    private readonly Process _process;

    private Child(Process process) => _process = process;

    /// <summary>Gets the resident memory in MB.</summary>
    public double ResidentMegabytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / 1e6;
        }
    }

    public static Child Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>(StringComparer.Ordinal)) start.Environment[name] =
            value;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return new Child(process);
    }

    public async ValueTask DisposeAsync()
    {
        // Including nginx's worker, which inherits the pipe: reading it would otherwise never end.
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}

internal static class Machine
{
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Waits until a URL responds 200, and returns the elapsed time.</summary>
    public static async Task<TimeSpan> WaitForAsync(HttpClient http, string url)
    {
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30))
        {
            try
            {
                using var response = await http.GetAsync(new Uri(url));
                if (response.IsSuccessStatusCode) return Stopwatch.GetElapsedTime(start);
            }
            catch (HttpRequestException)
            {
                // The server is not up yet.
            }
            await Task.Delay(10);
        }
        throw new TimeoutException(url + " does not answer.");
    }

    /// <summary>
    /// Repeats a round until three in a row are no faster than the best before them, by more than 2 %. The runtime compiles
    /// the portal's methods again while they are used: a sign-in at full load reaches its final speed after about 40 seconds.
    /// </summary>
    public static async Task WarmUpAsync(Func<Task<Load>> round)
    {
        var best = 0.0;
        for (var slower = 0; slower < 3;)
        {
            var rate = (await round()).Rate;
            slower = rate > best * 1.02 ? 0 : slower + 1;
            best = Math.Max(best, rate);
        }
    }

    /// <summary>
    /// Measures GET requests with a bearer token, if there is one. Without a script: it would make wrk parse the headers of the
    /// response, at a cost that depends on their number.
    /// </summary>
    public static Task<Load> MeasureAsync(string url, int seconds, string? token = null) =>
        RunWrkAsync(seconds, token is null ? [url] : ["-H", "Authorization: Bearer " + token, url], []);

    /// <summary>Measures requests that a script creates.</summary>
    public static Task<Load> MeasureAsync(
        string url, int seconds, string script, params (string Name, string Value)[] environment) =>
        RunWrkAsync(seconds, ["-s", script, url], environment);

    private static async Task<Load> RunWrkAsync(
        int seconds, IEnumerable<string> arguments, IReadOnlyList<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo("wrk", ["-t1", "--latency", "-c32", $"-d{seconds}s", .. arguments])
        {
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        // Requests with wrong codes must fail, and all others must succeed.
        var refused = environment.Contains(("BENCH_WHAT", "check"));
        if (output.Contains("Non-2xx", StringComparison.Ordinal) != refused)
            throw new InvalidOperationException("These are not the answers that were expected:\n" + output);
        string ValueOf(string name) => output.Split('\n').Select(line => line.Trim())
            .First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Trim();
        var latency = ValueOf("99%");
        var unit = latency.TrimStart('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.');
        var number = double.Parse(latency.AsSpan(0, latency.Length - unit.Length), CultureInfo.InvariantCulture);
        return new Load(
            double.Parse(ValueOf("Requests/sec:"), CultureInfo.InvariantCulture),
            number * (unit switch { "us" => 0.001, "ms" => 1, "s" => 1000, _ => throw new FormatException(latency) }));
    }
}

/// <summary>The result of a round.</summary>
/// <param name="Rate">Requests per second.</param>
/// <param name="P99">The latency that 99 % of the requests did not exceed, in ms.</param>
internal sealed record Load(double Rate, double P99)
{
    /// <summary>Returns the round with the median rate.</summary>
    public static Load Median(IEnumerable<Load> rounds)
    {
        var sorted = rounds.OrderBy(round => round.Rate).ToList();
        return sorted[sorted.Count / 2];
    }
}

/// <summary>A measurement: rounds of the portal, each right after a round of its yardstick.</summary>
internal sealed class Comparison
{
    public const int Rounds = 9;
    private readonly List<(Load Bare, Load Portal)> _rounds = [];

    public Load Bare => Load.Median(_rounds.Select(round => round.Bare));

    public Load Portal => Load.Median(_rounds.Select(round => round.Portal));

    /// <summary>Gets the median of the ratios. The machine's speed changes less within a pair than between pairs.</summary>
    public double Ratio => _rounds.Select(round => round.Portal.Rate / round.Bare.Rate).Order().ElementAt(_rounds.Count / 2);

    public async Task AddAsync(Func<Task<Load>> bare, Func<Task<Load>> portal) => _rounds.Add((await bare(), await portal()));
}
