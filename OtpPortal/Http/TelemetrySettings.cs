using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Settings of the export of metrics and traces.</summary>
/// <param name="Endpoint">OTEL_EXPORTER_OTLP_ENDPOINT: the URL of an OTLP collector; null disables the export.</param>
public sealed record TelemetrySettings(Uri? Endpoint) : ISettings<TelemetrySettings>
{
    public static TelemetrySettings Read(SettingsReader reader) => new(reader.WebAddress("OTEL_EXPORTER_OTLP_ENDPOINT", null));
}
