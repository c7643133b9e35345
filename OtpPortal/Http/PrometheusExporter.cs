using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace OtpPortal.Http;

/// <summary>
/// Writes metrics in the Prometheus text format 0.0.4, with names as in OpenTelemetry's specification "Prometheus and OpenMetrics
/// Compatibility": <c>http.server.request.duration</c> in seconds becomes <c>http_server_request_duration_seconds</c>.
/// </summary>
internal sealed class PrometheusExporter : BaseExporter<Metric>
{
    /// <summary>Gets the text of the last export.</summary>
    public string Text { get; private set; } = "";

    public override ExportResult Export(in Batch<Metric> batch)
    {
        // Two meters may have an instrument of the same name, but a name must not have two TYPE lines.
        var families = new SortedDictionary<string, StringBuilder>(StringComparer.Ordinal);
        foreach (var metric in batch)
        {
            var name = NameOf(metric);
            if (!families.TryGetValue(name, out var text))
            {
                families[name] = text = new StringBuilder();
                if (metric.Description.Length > 0) text.Append("# HELP " + name + " " + Escape(metric.Description, quotes: false) + "\n");
                text.Append("# TYPE " + name + " " + TypeOf(metric) + "\n");
            }
            foreach (ref readonly var point in metric.GetMetricPoints()) Write(text, name, metric.MetricType, point);
        }
        Text = string.Concat(families.Values);
        return ExportResult.Success;
    }

    private static void Write(StringBuilder text, string name, MetricType type, in MetricPoint point)
    {
        var labels = LabelsOf(point);
        switch (type)
        {
            case MetricType.LongSum or MetricType.LongSumNonMonotonic:
                Sample(text, name, labels, point.GetSumLong());
                break;
            case MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic:
                Sample(text, name, labels, point.GetSumDouble());
                break;
            case MetricType.LongGauge:
                Sample(text, name, labels, point.GetGaugeLastValueLong());
                break;
            case MetricType.DoubleGauge:
                Sample(text, name, labels, point.GetGaugeLastValueDouble());
                break;
            case MetricType.Histogram:
                var count = 0L;
                foreach (var bucket in point.GetHistogramBuckets())
                {
                    count += bucket.BucketCount;
                    var bound = $"le=\"{Number(bucket.ExplicitBound)}\"";
                    Sample(text, name + "_bucket", labels.Length == 0 ? bound : labels + "," + bound, count);
                }
                Sample(text, name + "_sum", labels, point.GetHistogramSum());
                Sample(text, name + "_count", labels, count);
                break;
            default:
                throw new NotSupportedException($"{name} is of the type {type}, which has no form in this format.");
        }
    }

    private static void Sample(StringBuilder text, string name, string labels, double value) =>
        text.Append(name).Append(labels.Length == 0 ? "" : "{" + labels + "}").Append(' ').Append(Number(value)).Append('\n');

    private static string LabelsOf(in MetricPoint point)
    {
        var labels = new List<string>();
        foreach (var (key, value) in point.Tags)
        {
            var text = value is bool flag ? (flag ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            labels.Add($"{Identifier(key)}=\"{Escape(text, quotes: true)}\"");
        }
        return string.Join(',', labels);
    }

    internal static string NameOf(string instrument, string unit, bool isCounter)
    {
        var name = Identifier(instrument);
        var suffix = unit switch { "s" => "_seconds", "ms" => "_milliseconds", "By" => "_bytes", _ => "" };
        if (!name.EndsWith(suffix, StringComparison.Ordinal)) name += suffix;
        return isCounter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    internal static string Escape(string text, bool quotes)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quotes ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }

    private static string NameOf(Metric metric) => NameOf(metric.Name, metric.Unit, TypeOf(metric) == "counter");

    private static string TypeOf(Metric metric) => metric.MetricType switch
    {
        MetricType.LongSum or MetricType.DoubleSum => "counter",
        MetricType.Histogram => "histogram",
        _ => "gauge",
    };

    private static string Identifier(string name)
    {
        var text = new string([.. name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_')]);
        return char.IsAsciiDigit(text[0]) ? "_" + text : text;
    }

    // The shortest text that is read as the same number.
    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf"
        : double.IsNegativeInfinity(value) ? "-Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);
}
