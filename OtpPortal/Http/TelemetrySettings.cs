using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Where metrics and traces go.</summary>
/// <param name="Endpoint">OTEL_EXPORTER_OTLP_ENDPOINT: an OTLP collector; null sends nothing anywhere.</param>
public sealed record TelemetrySettings(Uri? Endpoint) : ISettings<TelemetrySettings>
{
    public static TelemetrySettings Read(SettingsReader reader) => new(reader.WebAddress("OTEL_EXPORTER_OTLP_ENDPOINT", null));
}
