using System.Globalization;
using System.Text.RegularExpressions;

namespace OtpPortal.Tests.Operations;

/// <summary>A value of a metric.</summary>
/// <param name="Name">The name with its suffix, such as <c>_bucket</c>.</param>
internal sealed record Sample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>A metric with all its values.</summary>
internal sealed record MetricFamily(string Name, string Type, List<Sample> Samples);

/// <summary>A strict parser of the Prometheus text format 0.0.4.</summary>
internal static partial class PrometheusText
{
    public static IReadOnlyDictionary<string, MetricFamily> Parse(string text)
    {
        var families = new Dictionary<string, MetricFamily>(StringComparer.Ordinal);
        var series = new HashSet<string>(StringComparer.Ordinal);
        var helped = "";
        MetricFamily? family = null;
        text.ShouldEndWith("\n");
        foreach (var line in text[..^1].Split('\n'))
        {
            if (Help().Match(line) is { Success: true } help)
            {
                helped = help.Groups["name"].Value;
                families.ShouldNotContainKey(helped);
            }
            else if (Type().Match(line) is { Success: true } type)
            {
                family = new MetricFamily(type.Groups["name"].Value, type.Groups["type"].Value, []);
                family.Name.ShouldBe(helped, "each metric has a help text");
                families.Add(family.Name, family);
            }
            else
            {
                var match = Value().Match(line);
                match.Success.ShouldBeTrue(line);
                var name = match.Groups["name"].Value;
                var owner = family.ShouldNotBeNull(line);
                if (owner.Type == "histogram") name.ShouldBeOneOf(owner.Name + "_bucket", owner.Name + "_sum", owner.Name + "_count");
                else name.ShouldBe(owner.Name);
                if (owner.Type == "counter") name.ShouldEndWith("_total");
                var labels = match.Groups["label"].Captures.Zip(match.Groups["text"].Captures)
                    .ToDictionary(pair => pair.First.Value, pair => Unescape(pair.Second.Value), StringComparer.Ordinal);
                series.Add(line[..line.LastIndexOf(' ')]).ShouldBeTrue($"{line} is there twice");
                owner.Samples.Add(new Sample(name, labels, Number(match.Groups["value"].Value)));
            }
        }
        foreach (var histogram in families.Values.Where(each => each.Type == "histogram")) CheckHistogram(histogram);
        return families;
    }

    private static void CheckHistogram(MetricFamily histogram)
    {
        foreach (var one in histogram.Samples.GroupBy(sample =>
            string.Join(',', sample.Labels.Where(label => label.Key != "le").Select(label => label.ToString()))))
        {
            var buckets = one.Where(sample => sample.Name.EndsWith("_bucket", StringComparison.Ordinal)).ToList();
            buckets.Select(bucket => Number(bucket.Labels["le"])).ShouldBeInOrder(SortDirection.Ascending);
            buckets.Select(bucket => bucket.Value).ShouldBeInOrder(SortDirection.Ascending);
            buckets[^1].Labels["le"].ShouldBe("+Inf");
            one.Single(sample => sample.Name == histogram.Name + "_count").Value.ShouldBe(buckets[^1].Value);
            one.Single(sample => sample.Name == histogram.Name + "_sum").Value.ShouldBeGreaterThanOrEqualTo(0);
        }
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    private static string Unescape(string text) => Escaped().Replace(text, match => match.Value == "\\n" ? "\n" : match.Value[1..]);

    [GeneratedRegex("^# HELP (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) .+$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Help();

    [GeneratedRegex("^# TYPE (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<type>counter|gauge|histogram)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Type();

    [GeneratedRegex(
        """^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{((?<label>[a-zA-Z_][a-zA-Z0-9_]*)="(?<text>([^"\\]|\\[\\"n])*)"(,|(?=\})))+\})? (?<value>\S+)$""",
        RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Value();

    [GeneratedRegex("""\\[\\"n]""", RegexOptions.None, 1000)]
    private static partial Regex Escaped();
}
