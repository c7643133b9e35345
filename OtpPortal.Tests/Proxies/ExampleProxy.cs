using System.Diagnostics;
using System.Globalization;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Proxies;

/// <summary>A real proxy that runs a configuration from <c>examples/</c> with different ports.</summary>
internal sealed class ExampleProxy : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;

    private ExampleProxy(string name, int portal, int app)
    {
        var port = FreePort.Next();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        foreach (var file in Directory.GetFiles(Path.Combine(RepositoryRoot.Path, "examples", name)))
        {
            var text = File.ReadAllText(file)
                .Replace("127.0.0.1:3000", $"127.0.0.1:{portal}", StringComparison.Ordinal)
                .Replace("127.0.0.1:4000", $"127.0.0.1:{app}", StringComparison.Ordinal)
                .Replace("localhost:8080", $"127.0.0.1:{port}", StringComparison.Ordinal)
                .Replace("listen 8080;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal)
                .Replace("bind :8080", $"bind 127.0.0.1:{port}", StringComparison.Ordinal);
            File.WriteAllText(Path.Combine(_folder.Path, Path.GetFileName(file)), text);
        }
        var start = name switch
        {
            "nginx" => new ProcessStartInfo("nginx", ["-p", _folder.Path, "-c", Path.Combine(_folder.Path, "nginx.conf")]),
            "caddy" =>
                new ProcessStartInfo("caddy", ["run", "--adapter", "caddyfile", "--config", Path.Combine(_folder.Path, "Caddyfile")]),
            "haproxy" => new ProcessStartInfo("haproxy", ["-db", "-f", "haproxy.cfg"]),
            _ => throw new ArgumentException(name, nameof(name)),
        };
        start.WorkingDirectory = _folder.Path;
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        start.Environment["XDG_CONFIG_HOME"] = start.Environment["XDG_DATA_HOME"] = _folder.Path;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Address { get; }

    public static async Task<ExampleProxy> StartAsync(string name, int portal, int app)
    {
        var proxy = new ExampleProxy(name, portal, app);
        using var browser = new BrowserClient(proxy.Address);
        await Eventually.BeTrueAsync(async () =>
        {
            if (proxy._process.HasExited) throw new InvalidOperationException($"{name} ended with {proxy._process.ExitCode}.");
            try
            {
                return (await browser.GetAsync("/")).Status > 0;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Dispose();
    }
}
