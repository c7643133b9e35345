using Microsoft.Extensions.Hosting.Systemd;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Configures logs, shutdown, static files and telemetry.</summary>
public static partial class Hosting
{
    // Orchestrators commonly kill after 30 s (the default grace period of Kubernetes).
    private static readonly TimeSpan s_shutdown = TimeSpan.FromSeconds(25);

    // systemd waits for a notification of a service of Type=notify.
    private static bool IsSystemdService => Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 0 };

    public static void AddHosting(this WebApplicationBuilder builder)
    {
        var portal = builder.GetSettings<PortalSettings>();
        var logging = builder.Logging;
        logging.ClearProviders();
        if (IsSystemdService)
        {
            // Not AddSystemd, which in .NET 10 reads the name of the parent process and does nothing if ProtectProc=invisible hides it
            // (dotnet/runtime#125520).
            builder.Services.AddSingleton<ISystemdNotifier, SystemdNotifier>();
            builder.Services.AddSingleton<IHostLifetime, SystemdLifetime>();
        }
        logging.AddConsole(builder.GetSettings<TelemetrySettings>().LogsJson);
        logging.SetMinimumLevel(portal.Debug ? LogLevel.Debug : LogLevel.Information);
        logging.AddFilter("Microsoft", portal.Debug ? LogLevel.Debug : LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        // Below Warning, ASP.NET Core logs data from circuits and clients, including codes, and request URLs with session ids
        // and link secrets. The whole category is filtered, because the next release may log them under another name.
        logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        // Its scope adds the request path to every log line if scopes are enabled; failures are logged elsewhere.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // It warns about unencrypted keys, but the portal encrypts them when it stores them.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        // The response of /readyz reports it, and logging would repeat it every few seconds.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        logging.AddFilter("Garnet", LogLevel.Warning);

        builder.Configuration["ReloadStaticAssetsAtRuntime"] = "false";
        if (File.Exists(Path.Combine(AppContext.BaseDirectory, builder.Environment.ApplicationName + ".staticwebassets.runtime.json")))
        {
            // Run from a build output and not published: the static files are in the source folder, in Production too.
            builder.WebHost.UseStaticWebAssets();
        }
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = s_shutdown);
        builder.Services.AddHostedService<Drain>();
        builder.Services.AddHostedService<IdleMemory>();
        var telemetry = builder.AddSettings<TelemetrySettings>();
        if (telemetry.Endpoint is { } endpoint) AddTelemetry(builder, endpoint);
        if (telemetry.MetricsPort is not null) builder.Services.AddSingleton<PrometheusMetrics>();
    }

    /// <summary>Logs to standard output, one line or one JSON object per event.</summary>
    internal static void AddConsole(this ILoggingBuilder logging, bool json)
    {
        if (json)
        {
            logging.AddJsonConsole(console =>
            {
                console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
                console.UseUtcTimestamp = true;
                // The IDs of connection and trace. The scope with the path of the request is off, see above.
                console.IncludeScopes = true;
            });
        }
        else if (IsSystemdService)
        {
            // With the levels of the journal, which has its own timestamps.
            logging.AddSystemdConsole();
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "yyyy-MM-dd HH:mm:ss ";
                console.UseUtcTimestamp = true;
            });
        }
    }

    // Some registries lack OpenTelemetry's hosting package; .NET's built-in meters and activities need only the SDK and the
    // exporter.
    private static void AddTelemetry(WebApplicationBuilder builder, Uri endpoint)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("otpportal");
        builder.Services.AddSingleton(_ => Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(PrometheusMetrics.Meters)
            .AddOtlpExporter(otlp => otlp.Endpoint = endpoint)
            .Build());
        builder.Services.AddSingleton(_ => Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource("Microsoft.AspNetCore", "System.Net.Http")
            .AddOtlpExporter(otlp => otlp.Endpoint = endpoint)
            .Build());
        builder.Services.AddHostedService<TelemetryStart>();
    }

    // Injecting the providers starts the export; they flush when the host disposes them.
    private sealed class TelemetryStart(MeterProvider meters, TracerProvider traces) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) =>
            Task.Run(() => meters.ForceFlush(5000) && traces.ForceFlush(5000), cancellationToken);
    }
}
