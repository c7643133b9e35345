namespace OtpPortal.E2E.Infrastructure;

/// <summary>Two portals with one Redis behind nginx, as in production: every request goes to the next one.</summary>
public sealed class ReplicasStage : Stage
{
    public const string Secret = "the-secret-of-both-replicas-0123456789";

    private readonly int _port = FreePort.Next();

    public PostmarkStandIn Postmark { get; } = new();

    /// <summary>Both; the first one is <see cref="Stage.Portal"/> too.</summary>
    public IReadOnlyList<PortalProcess> Replicas { get; private set; } = [];

    public Nginx Proxy { get; private set; } = null!;

    /// <summary>What everybody said, for messages of failed tests.</summary>
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

    /// <summary>The replica that gave an answer; null when none did.</summary>
    public PortalProcess? ReplicaOf(string servedBy) =>
        Replicas.SingleOrDefault(replica => servedBy.EndsWith($":{replica.Port}", StringComparison.Ordinal));

    protected override async Task StartPortalAsync(IReadOnlyDictionary<string, string> settings)
    {
        await Postmark.StartAsync();
        Replicas = [new PortalProcess(settings), new PortalProcess(settings)];
        Portal = Replicas[0];
        // At once, with nothing in the store: neither finds the other's keys there.
        await Task.WhenAll(Replicas.Select(replica => replica.StartAsync()));
        Proxy = new Nginx(_port, Replicas);
        await Proxy.StartAsync();
    }
}
