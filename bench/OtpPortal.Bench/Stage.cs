using System.Diagnostics;
using System.Net;

namespace OtpPortal.Bench;

/// <summary>The environment of the measurements: an empty Redis and a fake mail service.</summary>
internal sealed class Stage : IAsyncDisposable
{
    // As in the Dockerfile. The yardsticks have it too.
    private static readonly Dictionary<string, string> s_runtime = new(StringComparer.Ordinal) { ["DOTNET_GCgen0size"] = "0x800000" };
    private static readonly string s_repository = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../.."));

    private Stage(Child redis, int redisPort, FakePostmark post) => (Redis, RedisPort, Post) = (redis, redisPort, post);

    public Child Redis { get; }

    public int RedisPort { get; }

    public IPEndPoint RedisEndPoint => new(IPAddress.Loopback, RedisPort);

    public FakePostmark Post { get; }

    public string Secret { get; } = Guid.NewGuid().ToString("N");

    public static async Task<Stage> OpenAsync()
    {
        var port = Machine.FreePort();
        var redis = Child.Start("redis-server", ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        return new Stage(redis, port, await FakePostmark.StartAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await Post.DisposeAsync();
        await Redis.DisposeAsync();
    }

    /// <summary>Starts this program as another process.</summary>
    public static Child StartSelf(params string[] arguments) =>
        Child.Start("dotnet", [Path.Combine(AppContext.BaseDirectory, "OtpPortal.Bench.dll"), .. arguments], s_runtime);

    public static string Script(string name) => Path.Combine(s_repository, "bench", name);

    /// <summary>Starts a portal and waits for its first page.</summary>
    public async Task<Portal> StartPortalAsync(params (string Name, string Value)[] more)
    {
        var port = Machine.FreePort();
        var address = $"http://127.0.0.1:{port}";
        var settings = new Dictionary<string, string>(s_runtime, StringComparer.Ordinal)
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["AUTH_SECRET_KEY"] = Secret,
            ["PORT"] = $"{port}",
            ["BIND_ADDRESS"] = "127.0.0.1",
            ["PUBLIC_URL"] = address,
            ["REDIS_URL_OTP"] = $"redis://127.0.0.1:{RedisPort}/0",
            ["REDIS_URL_AUTH"] = $"redis://127.0.0.1:{RedisPort}/1",
            ["POSTMARK_SERVER_TOKEN"] = "bench",
            ["POSTMARK_API_URL"] = $"http://127.0.0.1:{Post.Port}",
            ["LIMIT_SENDS_PER_IP"] = "1000000/1",
            ["LIMIT_REQUESTS_PER_NAMESPACE"] = "1000000/1",
        };
        foreach (var (name, value) in more) settings[name] = value;
        using var http = new HttpClient();
        var start = Stopwatch.GetTimestamp();
        var process = Child.Start("dotnet", [Path.Combine(s_repository, "artifacts/bench/OtpPortal.dll")], settings);
        await Machine.WaitForAsync(http, address + "/");
        return new Portal(process, port, address, Secret, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>
    /// Starts nginx with one of the configurations next to this program, with placeholders replaced by ports.
    /// </summary>
    public static Child StartNginx(string configuration, IEnumerable<(string Name, int Port)> ports, out string address)
    {
        var port = Machine.FreePort();
        var folder = Directory.CreateTempSubdirectory("otpportal-bench").FullName;
        var text = File.ReadAllText(Path.Combine(s_repository, "bench", configuration));
        foreach (var (name, number) in ports.Append(("$PORT", port))) text = text.Replace(name, $"{number}", StringComparison.Ordinal);
        var file = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(file, text);
        address = $"http://127.0.0.1:{port}";
        return Child.Start("nginx", ["-p", folder, "-c", file]);
    }
}

/// <summary>A running portal.</summary>
internal sealed record Portal(Child Process, int Port, string Address, string Secret, TimeSpan StartTime) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Process.DisposeAsync();
}
