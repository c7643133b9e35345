using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Settings of the logs and of the export of metrics and traces.</summary>
/// <param name="Endpoint">OTEL_EXPORTER_OTLP_ENDPOINT: the URL of an OTLP collector; null disables the export.</param>
/// <param name="MetricsPort">METRICS_PORT, 1–65535: the port of <c>GET /metrics</c>; null disables it.</param>
/// <param name="LogsJson">LOG_FORMAT=json: one JSON object per line.</param>
public sealed record TelemetrySettings(Uri? Endpoint, int? MetricsPort, bool LogsJson) : ISettings<TelemetrySettings>
{
    internal const string LogFormat = "LOG_FORMAT";
    internal const string Json = "json";

    public static TelemetrySettings Read(SettingsReader reader)
    {
        int? port = reader.Text("METRICS_PORT") is null ? null : reader.Integer("METRICS_PORT", 0, 1, 65535);
        if (port == reader.Get<PortalSettings>().Port) reader.AddError($"METRICS_PORT must differ from PORT, but both are {port}.");
        return new TelemetrySettings(
            reader.WebAddress("OTEL_EXPORTER_OTLP_ENDPOINT", null), port, reader.OneOf(LogFormat, "text", Json) == Json);
    }
}
