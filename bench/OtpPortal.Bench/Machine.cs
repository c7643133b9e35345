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
    /// Returns the requests per second measured by wrk. All measurements use the same script, so that its cost is the same.
    /// </summary>
    public static async Task<double> WrkAsync(
        string url, int seconds, int connections, string script, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("wrk", ["-t1", $"-c{connections}", $"-d{seconds}s", "-s", script, url])
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
        var line = output.Split('\n').First(text => text.StartsWith("Requests/sec:", StringComparison.Ordinal));
        return double.Parse(line["Requests/sec:".Length..], CultureInfo.InvariantCulture);
    }
}
