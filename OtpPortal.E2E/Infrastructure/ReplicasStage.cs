namespace OtpPortal.E2E.Infrastructure;

/// <summary>Two replicas with one Redis behind nginx, which distributes requests round robin.</summary>
public sealed class ReplicasStage : Stage
{
    public const string Secret = "the-secret-of-both-replicas-0123456789";

    private readonly int _port = FreePort.Next();

    public FakePostmark Postmark { get; } = new();

    /// <summary>Gets both replicas. The first one is also <see cref="Stage.Portal"/>.</summary>
    public IReadOnlyList<PortalProcess> Replicas { get; private set; } = [];

    public Nginx Proxy { get; private set; } = null!;

    /// <summary>Gets the output of all processes, for messages of failed tests.</summary>
    public string Log =>
        string.Join("\n--\n", [.. Replicas.Select(replica => $"replica {replica.Port}:\n{replica.Log}"), "nginx:\n" + Proxy.Log]);

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Production",
        ["PUBLIC_URL"] = $"http://localhost:{_port}",
        ["AUTH_SECRET_KEY"] = Secret,
        ["TRUSTED_PROXIES"] = "127.0.0.1",
        ["MAIL_TRANSPORT"] = "postmark",
        ["POSTMARK_SERVER_TOKEN"] = "a-token",
        ["POSTMARK_API_URL"] = Postmark.Url,
        ["MAIL_FROM"] = "portal@example.com",
    };

    public override async Task DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        foreach (var replica in Replicas.Skip(1)) await replica.DisposeAsync();
        await base.DisposeAsync();
        await Postmark.DisposeAsync();
    }

    /// <summary>Returns the replica that responded, or null if none did.</summary>
    public PortalProcess? ReplicaOf(string servedBy) =>
        Replicas.SingleOrDefault(replica => servedBy.EndsWith($":{replica.Port}", StringComparison.Ordinal));

    protected override async Task StartPortalAsync(IReadOnlyDictionary<string, string> settings)
    {
        await Postmark.StartAsync();
        Replicas = [new PortalProcess(settings), new PortalProcess(settings)];
        Portal = Replicas[0];
        // Started concurrently on an empty store, so neither finds the keys of the other.
        await Task.WhenAll(Replicas.Select(replica => replica.StartAsync()));
        Proxy = new Nginx(_port, Replicas);
        await Proxy.StartAsync();
    }
}
