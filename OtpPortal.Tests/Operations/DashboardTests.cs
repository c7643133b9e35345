using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using OtpPortal.Auditing;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;
using YamlDotNet.RepresentationModel;

namespace OtpPortal.Tests.Operations;

/// <summary>The dashboard, the alerts and docs/operations.md name metrics that a running portal exports.</summary>
public sealed partial class DashboardTests(MeteredPortal portal) : IClassFixture<MeteredPortal>
{
    private static string Deployed(params string[] path) => Path.Combine([RepositoryRoot.Path, "deploy", .. path]);

    private static IEnumerable<string> MetricsIn(string text) => Metric().Matches(text).Select(match => match.Value).Distinct();

    // The names in queries: histograms have suffixes.
    private async Task<IReadOnlyCollection<string>> ExportedAsync() =>
        [.. (await portal.ReadAsync()).Values.SelectMany(family => family.Samples).Select(sample => sample.Name).Distinct()];

    [Fact]
    public async Task The_dashboard_uses_exported_metrics_only()
    {
        var queries = await QueriesAsync();

        queries.ShouldAllBe(query => MetricsIn(query).Any());
        var used = queries.SelectMany(MetricsIn).Distinct().ToList();
        used.ShouldBeSubsetOf(await ExportedAsync());
        // All that the portal measures is on the dashboard.
        used.Select(FamilyOf).Distinct().ShouldBe((await portal.ReadAsync()).Keys, ignoreOrder: true);
    }

    [Fact]
    public async Task The_labels_in_queries_exist()
    {
        var families = await portal.ReadAsync();
        var labels = families.Values.SelectMany(family => family.Samples).SelectMany(sample => sample.Labels.Keys)
            .Concat(["job", "instance", "error_type"]).ToHashSet(StringComparer.Ordinal);
        var text = string.Join('\n', [await File.ReadAllTextAsync(Deployed("alerts.yml")), .. await QueriesAsync()]);

        var used = Grouping().Matches(text).SelectMany(match => match.Groups["labels"].Value.Split(", "))
            .Concat(Matcher().Matches(text).Select(match => match.Groups["label"].Value)).Distinct().ToList();

        used.Count.ShouldBeGreaterThan(8);
        used.ShouldBeSubsetOf(labels);
    }

    [Fact]
    public async Task The_alerts_use_exported_metrics_and_are_documented()
    {
        var text = await File.ReadAllTextAsync(Deployed("alerts.yml"));
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));

        var group = (YamlMappingNode)((YamlSequenceNode)yaml.Documents[0].RootNode["groups"])[0];
        var names = ((YamlSequenceNode)group["rules"]).Select(rule => ((YamlScalarNode)rule["alert"]).Value!).ToList();
        MetricsIn(text).ShouldBeSubsetOf(await ExportedAsync());
        names.ShouldBe(
            AlertName().Matches(RepositoryRoot.Read("docs", "operations.md")).Select(match => match.Value.Trim('`')), ignoreOrder: true);
    }

    [Fact]
    public async Task The_documentation_lists_every_metric_with_its_type_and_labels()
    {
        var documented = TableRow().Matches(RepositoryRoot.Read("docs", "operations.md")).ToDictionary(
            row => row.Groups["name"].Value,
            row => (row.Groups["type"].Value, string.Join(',', Code().Matches(LabelValues().Replace(row.Groups["labels"].Value, ""))
                .Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal))),
            StringComparer.Ordinal);
        var exported = (await portal.ReadAsync()).Values;

        documented.Keys.ShouldBe(exported.Select(family => family.Name), ignoreOrder: true);
        foreach (var family in exported)
        {
            var (type, labels) = documented[family.Name];
            type.ShouldBe(family.Type, family.Name);
            var seen = family.Samples.SelectMany(sample => sample.Labels.Keys).Where(label => label != "le").Distinct();
            seen.ShouldBeSubsetOf(labels.Split(','), family.Name);
        }
    }

    [Fact]
    public async Task Promtool_accepts_the_configuration_and_the_alerts()
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(await File.ReadAllTextAsync(Deployed("prometheus.yml"))));
        ((YamlMappingNode)yaml.Documents[0].RootNode).Children.Keys.Select(key => key.ToString())
            .ShouldBe(["global", "rule_files", "scrape_configs"]);
        if (!Promtool.IsInstalled) return;

        var (code, output, errors) = await ExampleProgram.RunAsync(Promtool.Start("check", "config", Deployed("prometheus.yml")), "");

        code.ShouldBe(0, output + errors);
    }

    [Fact]
    public async Task The_documented_receiver_verifies_the_signatures_of_the_portal()
    {
        using var receiver = await DocumentedReceiver.StartAsync();
        var address = receiver.Address;
        using var client = new HttpClient();
        var id = "an-id";
        var body = "{}"u8.ToArray();
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

        async Task<int> PostAsync(string key, long timestamp, byte[] content)
        {
            var seconds = timestamp.ToString(CultureInfo.InvariantCulture);
            using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(content) };
            request.Headers.Add("webhook-id", id);
            request.Headers.Add("webhook-timestamp", seconds);
            request.Headers.Add(
                "webhook-signature",
                "v1,bm90IHRoaXMgb25l " + AuditWebhook.Sign(Convert.FromBase64String(key["whsec_".Length..]), id, seconds, body));
            using var answer = await client.SendAsync(request);
            return (int)answer.StatusCode;
        }

        (await PostAsync(MeteredPortal.AuditSecret, now, body)).ShouldBe(204);
        (await PostAsync(MeteredPortal.AuditSecret, now, body)).ShouldBe(204, "a repetition is accepted, and ignored");
        (await PostAsync("whsec_" + Convert.ToBase64String(new byte[32]), now, body)).ShouldBe(401);
        (await PostAsync(MeteredPortal.AuditSecret, now, "{\"forged\":true}"u8.ToArray())).ShouldBe(401);
        (await PostAsync(MeteredPortal.AuditSecret, now - 3600, body)).ShouldBe(401);
        using var process = await PortalProcess.StartAsync(
            ("AUDIT_URL", address.AbsoluteUri), ("AUDIT_SECRET", MeteredPortal.AuditSecret));
        using var browser = new BrowserClient(process.Address).AsProgram();
        await browser.PostAsync("/admin/login", ("key", "wrong"));
        await Eventually.BeTrueAsync(() => receiver.Lines.Count == 2);

        receiver.Lines[0].ShouldBe("{}");
        JsonDocument.Parse(receiver.Lines[1]).RootElement.GetProperty("event").GetString().ShouldBe("admin_refused");
    }

    private static async Task<IReadOnlyList<string>> QueriesAsync()
    {
        var dashboard = JsonDocument.Parse(await File.ReadAllTextAsync(Deployed("grafana", "otpportal.json"))).RootElement;
        var panels = dashboard.GetProperty("panels").EnumerateArray().ToList();
        panels.Select(panel => panel.GetProperty("id").GetInt32()).ShouldBeUnique();
        return
        [
            .. panels.Where(panel => panel.GetProperty("type").GetString() != "row")
                .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
                .Select(target => target.GetProperty("expr").GetString()!),
        ];
    }

    private static string FamilyOf(string sample) => Suffix().Replace(sample, "");

    // Without the labels that begin like metrics.
    [GeneratedRegex(
        @"\b(?!http_(route|request_method|response_status_code)\b)(otpportal|http|kestrel|dotnet)_[a-z0-9_]+", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Metric();

    [GeneratedRegex("(?<=_seconds)_(bucket|sum|count)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Suffix();

    [GeneratedRegex(@"\bby \((?<labels>[^)]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Grouping();

    [GeneratedRegex(@"[{,](?<label>[a-z_]+)(=|!=|=~|!~)""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Matcher();

    [GeneratedRegex(@"`Portal[A-Za-z]+`", RegexOptions.None, 1000)]
    private static partial Regex AlertName();

    [GeneratedRegex(
        @"^\| `(?<name>[a-z0-9_]+)` \| (?<type>counter|gauge|histogram) \|(?<labels>[^|]*)\|",
        RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex TableRow();

    // The values after a label, such as "`store`: `otp`, `auth`".
    [GeneratedRegex(":.*$", RegexOptions.None, 1000)]
    private static partial Regex LabelValues();

    [GeneratedRegex("`([a-z_]+)`", RegexOptions.None, 1000)]
    private static partial Regex Code();

    /// <summary>The receiver in docs/operations.md.</summary>
    private sealed class DocumentedReceiver : IDisposable
    {
        private readonly Process _process;
        private readonly List<string> _lines = [];

        private DocumentedReceiver(int port)
        {
            Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));
            var script = Script().Match(RepositoryRoot.Read("docs", "operations.md")).Groups[1].Value;
            var start = ExampleProgram.Start("/usr/bin/python3", "-c", script, port.ToString(CultureInfo.InvariantCulture));
            start.Environment["AUDIT_SECRET"] = MeteredPortal.AuditSecret;
            _process = Process.Start(start)!;
            _process.OutputDataReceived += (_, line) =>
            {
                if (line.Data is null) return;
                lock (_lines) _lines.Add(line.Data);
            };
            _process.BeginOutputReadLine();
        }

        public Uri Address { get; }

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines) return [.. _lines];
            }
        }

        public static async Task<DocumentedReceiver> StartAsync()
        {
            var receiver = new DocumentedReceiver(FreePort.Next());
            using var client = new HttpClient();
            await Eventually.BeTrueAsync(async () =>
            {
                receiver._process.HasExited.ShouldBeFalse();
                try
                {
                    using var answer = await client.GetAsync(receiver.Address);
                    return answer.StatusCode == HttpStatusCode.NotImplemented;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            });
            return receiver;
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }

    [GeneratedRegex("```python\n(.*?)```", RegexOptions.Singleline, 1000)]
    private static partial Regex Script();
}
