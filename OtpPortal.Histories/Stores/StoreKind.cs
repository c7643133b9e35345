using System.Globalization;
using System.Net.Sockets;
using System.Text;
using OtpPortal.Histories.Recording;
using OtpPortal.Histories.Running;

namespace OtpPortal.Histories.Stores;

/// <summary>A kind of store: its servers, the portals' settings for it, and what the nemesis can do to it.</summary>
public abstract class StoreKind : IAsyncDisposable
{
    private static readonly TimeSpan s_watchInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>Gets the number of portals that can share the store.</summary>
    public virtual int Replicas => 2;

    /// <summary>Gets whether the store acknowledges writes that a failover loses.</summary>
    public virtual bool LosesWritesOnFailover => false;

    /// <summary>Gets the faults of the servers and of the links to them.</summary>
    public abstract IReadOnlyList<FaultAction> Faults { get; }

    /// <summary>Creates the kind with a name.</summary>
    /// <exception cref="ArgumentException">There is no such kind.</exception>
    public static StoreKind Create(string name, string folder) => name switch
    {
        "embedded" => new EmbeddedKind(),
        "redis" => new RedisKind(folder),
        "cluster" => new ClusterKind(folder),
        "sentinel" => new SentinelKind(folder),
        _ => throw new ArgumentException($"The kind must be embedded, redis, cluster or sentinel, but is \"{name}\"."),
    };

    /// <summary>Starts the servers and waits until the store can be used.</summary>
    public abstract Task StartAsync();

    /// <summary>
    /// Returns REDIS_URL_OTP and REDIS_URL_AUTH of a portal, counted from 0. Both are empty for the embedded store.
    /// </summary>
    public abstract (string Otp, string Auth) UrlsOf(int replica);

    /// <summary>Records failovers until the run ends.</summary>
    public virtual Task WatchAsync(Recorder recorder, CancellationToken end) => Task.CompletedTask;

    public abstract ValueTask DisposeAsync();

    /// <summary>Creates a Redis node with its own directory that acknowledges only what is on disk.</summary>
    private protected static ChildProcess Node(string name, string folder, int port, params IEnumerable<string> arguments)
    {
        var directory = Directory.CreateDirectory(Path.Combine(folder, name.Replace(' ', '-'))).FullName;
        var number = port.ToString(CultureInfo.InvariantCulture);
        return new ChildProcess(
            name, directory,
            ["redis-server", "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                .. arguments],
            new Dictionary<string, string>(StringComparer.Ordinal), async () => await AskAsync(port, "PING") == "+PONG\r\n");
    }

    /// <summary>Records each change of a node from replica to primary.</summary>
    private protected static async Task WatchRolesAsync(
        IReadOnlyList<(string Name, int Port)> nodes, Recorder recorder, CancellationToken end)
    {
        var replicas = new HashSet<string>(StringComparer.Ordinal);
        using var timer = new PeriodicTimer(s_watchInterval);
        do
        {
            var roles = await Task.WhenAll(nodes.Select(node => AskAsync(node.Port, "ROLE")));
            for (var i = 0; i < nodes.Count; i++)
            {
                var name = nodes[i].Name;
                if (roles[i]?.Contains("slave", StringComparison.Ordinal) == true)
                {
                    replicas.Add(name);
                }
                else if (roles[i]?.Contains("master", StringComparison.Ordinal) == true && replicas.Remove(name))
                {
                    recorder.Add(new Fault(Fault.Failover, name, recorder.Now, recorder.Now));
                }
            }
        }
        while (await WaitAsync(timer, end));
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken end)
    {
        try
        {
            return await timer.WaitForNextTickAsync(end);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Sends a command to a server. Returns the first part of the answer, or null without an answer.</summary>
    protected static async Task<string?> AskAsync(int port, string command)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port, timeout.Token);
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), timeout.Token);
            var buffer = new byte[4096];
            return Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, timeout.Token));
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Waits until a server's answer contains a text.</summary>
    protected static async Task WaitForAsync(int port, string command, string text)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while ((await AskAsync(port, command))?.Contains(text, StringComparison.Ordinal) != true) await Task.Delay(100, timeout.Token);
    }
}
