using System.Globalization;
using System.Net.WebSockets;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Operations;

/// <summary>A portal in a process of its own with metrics, logs in JSON and an audit stream, after one sign-in.</summary>
public sealed class MeteredPortal : IAsyncLifetime
{
    internal const string AuditSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

    private readonly TemporaryFolder _folder = new();
    private readonly ClientWebSocket _circuit = new();
    private RecordingServer _receiver = null!;

    internal PortalProcess Process { get; private set; } = null!;

    /// <summary>Gets the address of the metrics.</summary>
    public Uri Metrics { get; private set; } = null!;

    public string Email { get; } = TestUser.New();

    /// <summary>Gets what the log and the metrics must not contain.</summary>
    internal List<string> Secrets { get; } = [];

    public async Task InitializeAsync()
    {
        _receiver = await RecordingServer.StartAsync();
        var port = FreePort.Next();
        Metrics = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/metrics"));
        Process = await PortalProcess.StartAsync(
            ("METRICS_PORT", port.ToString(CultureInfo.InvariantCulture)), ("LOG_FORMAT", "json"), ("NAMESPACES", "MyApp:secret"),
            ("AUDIT_URL", _receiver.Address.AbsoluteUri), ("AUDIT_SECRET", AuditSecret),
            ("AUDIT_FILE", Path.Combine(_folder.Path, "audit.jsonl")),
            // Nothing listens there, so the provider fails.
            ("WEBHOOKS", "calls"), ("WEBHOOK_CALLS_URL", $"http://127.0.0.1:{FreePort.Next()}"));
        using var browser = new BrowserClient(Process.Address).AsProgram();
        await browser.PostAsync("/login", ("email", Email));
        var code = await Eventually.GetAsync(async () =>
            (await browser.GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
                .Select(message => message.GetProperty("subject").GetString()!)
                .FirstOrDefault()?.Split(' ')[^1]);
        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(200);
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
        Secrets.AddRange([Email, code, browser.Cookies["auth_token"], browser.Source.ToString()]);

        foreach (var path in (string[])["/nothing/", "/otp/MyApp/", "/magic-link?secret=", "/login/link?token="])
        {
            Secrets.Add($"SecretOfAnAddress{path.Length}abcdefghijkl");
            await browser.GetAsync(path + Secrets[^1]);
        }
        Secrets.Add("BREWSECRET");
        await browser.SendAsync(new HttpMethod("BREWSECRET"), "/login", null);
        _circuit.Options.SetRequestHeader("Origin", Process.Address.GetLeftPart(UriPartial.Authority));
        await _circuit.ConnectAsync(new Uri($"ws://{Process.Address.Authority}/_blazor"), CancellationToken.None);
        await Eventually.BeTrueAsync(() => _receiver.Requests.Count == 1);
        await Eventually.BeTrueAsync(async () => (await ReadAsync())["otpportal_audit_posts_total"].Samples
            .Any(sample => sample is { Value: 1 } && sample.Labels["outcome"] == "accepted"));
    }

    /// <summary>Returns the metrics.</summary>
    internal async Task<IReadOnlyDictionary<string, MetricFamily>> ReadAsync() => PrometheusText.Parse(await ReadTextAsync());

    internal async Task<string> ReadTextAsync()
    {
        using var client = new HttpClient();
        return await client.GetStringAsync(Metrics);
    }

    public async Task DisposeAsync()
    {
        _circuit.Dispose();
        Process.Dispose();
        await _receiver.DisposeAsync();
        _folder.Dispose();
    }
}
