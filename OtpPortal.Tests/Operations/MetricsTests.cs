using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Http;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Operations;

/// <summary>The metrics in the Prometheus format, and the port that serves them.</summary>
public sealed class MetricsTests(MeteredPortal portal) : IClassFixture<MeteredPortal>
{
    private static readonly string[] s_labels =
    [
        "le", "http_request_method", "http_route", "http_response_status_code", "error_type", "cpu_mode", "gc_heap_generation", "event",
        "outcome", "provider", "queue", "store", "sink", "version",
    ];

    private static double ValueOf(MetricFamily family, params (string Name, string Value)[] labels) => family.Samples
        .Where(sample => family.Type != "histogram" || sample.Name == family.Name + "_count")
        .Single(sample => labels.All(label => sample.Labels.GetValueOrDefault(label.Name) == label.Value)).Value;

    [Fact]
    public async Task The_metrics_are_valid_Prometheus_text()
    {
        using var client = new HttpClient();

        using var answer = await client.GetAsync(portal.Metrics);

        answer.Content.Headers.ContentType!.ToString().ShouldBe("text/plain; version=0.0.4; charset=utf-8");
        var text = await answer.Content.ReadAsStringAsync();
        PrometheusText.Parse(text).Keys.ShouldContain("http_server_request_duration_seconds");
        if (!Promtool.IsInstalled) return;
        (await ExampleProgram.RunAsync(Promtool.Start("check", "metrics"), text)).ShouldBe((0, "", ""));
    }

    [Fact]
    public async Task A_sign_in_is_counted()
    {
        var metrics = await portal.ReadAsync();

        ValueOf(metrics["otpportal_sign_ins_total"], ("event", "begun")).ShouldBe(1);
        ValueOf(metrics["otpportal_sign_ins_total"], ("event", "verified")).ShouldBe(1);
        ValueOf(metrics["otpportal_deliveries_total"], ("provider", "mailbox"), ("outcome", "sent")).ShouldBe(1);
        var requests = metrics["http_server_request_duration_seconds"];
        ValueOf(requests, ("http_route", "/check-auth"), ("http_response_status_code", "200")).ShouldBe(1);
        ValueOf(metrics["otpportal_store_up"], ("store", "otp")).ShouldBe(1);
        ValueOf(metrics["otpportal_store_up"], ("store", "auth")).ShouldBe(1);
        ValueOf(metrics["otpportal_queue_length"], ("queue", "messages")).ShouldBe(0);
        ValueOf(metrics["otpportal_audit_backlog"]).ShouldBe(0);
        ValueOf(metrics["otpportal_audit_dropped_total"], ("sink", "file")).ShouldBe(0);
        ValueOf(metrics["kestrel_upgraded_connections"]).ShouldBe(1);
    }

    [Fact]
    public async Task Labels_contain_no_addresses_ids_or_paths()
    {
        var text = await portal.ReadTextAsync();

        portal.Secrets.ShouldAllBe(secret => !text.Contains(secret, StringComparison.Ordinal));
        text.ShouldNotContain("127.0.0.1");
        text.ShouldNotContain("localhost");
        PrometheusText.Parse(text).Values.SelectMany(family => family.Samples).SelectMany(sample => sample.Labels.Keys).Distinct()
            .ShouldBeSubsetOf(s_labels);
        text.ShouldContain("http_request_method=\"_OTHER\"");
    }

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/healthz")]
    [InlineData("GET", "/check-auth")]
    [InlineData("GET", "/admin")]
    [InlineData("GET", "/metrics/")]
    [InlineData("GET", "/Metrics/x")]
    [InlineData("POST", "/metrics")]
    [InlineData("POST", "/login")]
    public async Task The_metrics_port_serves_nothing_else(string method, string path)
    {
        foreach (var host in (string[])[portal.Metrics.Authority, portal.Process.Address.Authority])
        {
            var (status, head, body) = await RawHttp.SendAsync(
                portal.Metrics, $"{method} {path} HTTP/1.1", $"Host: {host}", "Content-Length: 0");

            (status, body).ShouldBe((404, ""));
            head.ShouldNotContain("Set-Cookie", Case.Insensitive);
        }
    }

    [Fact]
    public async Task The_main_port_has_no_metrics()
    {
        foreach (var host in (string[])[portal.Metrics.Authority, portal.Process.Address.Authority])
        {
            var (status, _, body) = await RawHttp.SendAsync(
                portal.Process.Address, "GET /metrics HTTP/1.1", $"Host: {host}", $"X-Forwarded-Host: {portal.Metrics.Authority}",
                "Connection: close");

            status.ShouldBeOneOf(400, 404);
            body.ShouldNotContain("otpportal_");
        }
    }

    [Fact]
    public void Names_help_texts_and_labels_are_escaped()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var metrics = new PrometheusMetrics(services.GetRequiredService<IMeterFactory>());
        using var meter = new Meter("OtpPortal.EscapingTest");
        var value = "a \"quoted\" \\ text\nin two lines";
        var escaped = meter.CreateCounter<long>("otpportal.test.escaped-1", "By", "A \\ help\ntext");
        escaped.Add(3, new KeyValuePair<string, object?>("a.b", value));
        meter.CreateHistogram<double>("otpportal.test.took", "s", "A histogram").Record(0.5);
        meter.CreateHistogram<double>("otpportal.test.took", "s", "A histogram").Record(1e9);
        meter.CreateObservableGauge("otpportal.test.ratio", () => double.NegativeInfinity, null, "A gauge");

        var text = metrics.Collect();

        text.ShouldContain("# HELP otpportal_test_escaped_1_bytes_total A \\\\ help\\ntext\n");
        var families = PrometheusText.Parse(text);
        var counter = families["otpportal_test_escaped_1_bytes_total"].Samples.ShouldHaveSingleItem();
        (counter.Value, counter.Labels["a_b"]).ShouldBe((3, value));
        ValueOf(families["otpportal_test_took_seconds"]).ShouldBe(2);
        families["otpportal_test_ratio"].Samples.ShouldHaveSingleItem().Value.ShouldBe(double.NegativeInfinity);
        metrics.Collect().ShouldContain("otpportal_test_escaped_1_bytes_total{", Case.Sensitive, "reading resets nothing");
    }

    [Fact]
    public async Task Without_METRICS_PORT_there_are_no_metrics()
    {
        await using var other = await PortalHost.StartAsync();

        (await other.NewBrowser().GetAsync("/metrics")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_store_that_is_down_is_in_the_metrics()
    {
        using var redis = RedisServer.Start();
        var port = FreePort.Next();
        // A process of its own: the meters of all portals in this one have the same names.
        using var other = await PortalProcess.StartAsync(
            ("METRICS_PORT", port.ToString(null, null)), ("REDIS_URL_OTP", redis.Url(0)), ("REDIS_URL_AUTH", redis.Url(1)));
        using var client = new HttpClient();

        redis.Stop();

        await Eventually.BeTrueAsync(async () =>
            PrometheusText.Parse(await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics")))["otpportal_store_up"]
                .Samples.Any(sample => sample is { Value: 0 }));
    }
}

/// <summary>Prometheus's own checker, of Debian's package prometheus.</summary>
internal static class Promtool
{
    public static bool IsInstalled { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, "promtool")));

    public static System.Diagnostics.ProcessStartInfo Start(params IEnumerable<string> arguments) =>
        ExampleProgram.Start("promtool", arguments);
}
