using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http.Features;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Collects the metrics for <c>GET /metrics</c> on METRICS_PORT.</summary>
/// <remarks>
/// Some registries lack OpenTelemetry's exporter for Prometheus, so <see cref="PrometheusExporter"/> writes the text.
/// </remarks>
internal sealed class PrometheusMetrics : IDisposable
{
    public static readonly string[] Meters =
        ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime", "OtpPortal.*"];

    // The instruments of .NET that are exported, with the tags that have few values. Others could contain addresses.
    private static readonly Dictionary<string, string[]> s_tagsOf = new(StringComparer.Ordinal)
    {
        ["http.server.request.duration"] = ["http.request.method", "http.route", "http.response.status_code"],
        ["http.server.active_requests"] = ["http.request.method"],
        ["http.client.request.duration"] = ["http.request.method", "http.response.status_code", "error.type"],
        ["kestrel.active_connections"] = [],
        ["kestrel.upgraded_connections"] = [],
        ["dotnet.process.cpu.time"] = ["cpu.mode"],
        ["dotnet.process.memory.working_set"] = [],
        ["dotnet.gc.collections"] = ["gc.heap.generation"],
        ["dotnet.gc.heap.total_allocated"] = [],
        ["dotnet.gc.pause.time"] = [],
    };

    private readonly PrometheusExporter _exporter = new();
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _provider;
    private readonly Lock _lock = new();

    public PrometheusMetrics(IMeterFactory meters)
    {
        meters.Create("OtpPortal.Http").CreateObservableGauge<int>(
            "otpportal.build.info", () => new(1, new KeyValuePair<string, object?>("version", PortalVersion.Text)),
            description: "The version of the portal, as a label.");
        _reader = new BaseExportingMetricReader(_exporter);
        _provider = Sdk.CreateMeterProviderBuilder()
            .AddMeter(Meters)
            .AddView(instrument =>
                instrument.Meter.Name.StartsWith("OtpPortal.", StringComparison.Ordinal) ? null
                : s_tagsOf.TryGetValue(instrument.Name, out var tags) ? new MetricStreamConfiguration { TagKeys = tags }
                : MetricStreamConfiguration.Drop)
            .AddReader(_reader)
            .Build();
    }

    /// <summary>Returns the current values in the Prometheus text format.</summary>
    public string Collect()
    {
        lock (_lock)
        {
            _reader.Collect();
            return _exporter.Text;
        }
    }

    public void Dispose() => _provider.Dispose();
}

/// <summary>Serves <c>GET /metrics</c> on METRICS_PORT, which serves nothing else.</summary>
internal static class MetricsPort
{
    public static void UseMetricsPort(this WebApplication app)
    {
        if (app.Services.GetRequiredService<TelemetrySettings>().MetricsPort is not { } port) return;
        var metrics = app.Services.GetRequiredService<PrometheusMetrics>();
        // The port of the connection, because a client can forge the Host header.
        app.MapWhen(context => context.Connection.LocalPort == port, branch => branch.Run(context => ServeAsync(context, metrics)));
    }

    private static Task ServeAsync(HttpContext context, PrometheusMetrics metrics)
    {
        context.Features.Get<IHttpMetricsTagsFeature>()?.MetricsDisabled = true;
        var method = context.Request.Method;
        if (context.Request.Path != "/metrics" || !(HttpMethods.IsGet(method) || HttpMethods.IsHead(method)))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return context.Response.WriteAsync(metrics.Collect());
    }
}
