using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using OtpPortal.Configuration;

namespace OtpPortal.Http;

/// <summary>Logs, shutdown, static files and telemetry.</summary>
public static partial class Hosting
{
    // Orchestrators commonly kill after 30 s (Kubernetes' default grace period).
    private static readonly TimeSpan s_shutdown = TimeSpan.FromSeconds(25);

    public static void AddHosting(this WebApplicationBuilder builder)
    {
        var portal = builder.GetSettings<PortalSettings>();
        var logging = builder.Logging;
        logging.ClearProviders();
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-dd HH:mm:ss ";
            console.UseUtcTimestamp = true;
        });
        logging.SetMinimumLevel(portal.Debug ? LogLevel.Debug : LogLevel.Information);
        logging.AddFilter("Microsoft", portal.Debug ? LogLevel.Debug : LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        // Below Warning, the web framework writes what circuits and clients send, codes among it, and addresses of requests, with ids of
        // sessions and secrets of links in them. All of it is left out, because the next release may log them in another category.
        logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        // Its scope puts the path into every line of a log that shows scopes; what fails is logged elsewhere.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // It warns that keys are kept unencrypted, but ours are encrypted before it hands them over.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        // The answer of /readyz says it, every few seconds.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        logging.AddFilter("Garnet", LogLevel.Warning);

        builder.Configuration["ReloadStaticAssetsAtRuntime"] = "false";
        if (File.Exists(Path.Combine(AppContext.BaseDirectory, builder.Environment.ApplicationName + ".staticwebassets.runtime.json")))
        {
            // Run from a build, and not published: the files are where the sources are, in Production too.
            builder.WebHost.UseStaticWebAssets();
        }
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = s_shutdown);
        builder.Services.AddHostedService<Drain>();
        if (builder.AddSettings<TelemetrySettings>().Endpoint is { } endpoint) AddTelemetry(builder, endpoint);
    }

    // The hosting package of OpenTelemetry is not in every registry; .NET's own meters and activities need only the SDK and the exporter.
    private static void AddTelemetry(WebApplicationBuilder builder, Uri endpoint)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("otpportal");
        builder.Services.AddSingleton(_ => Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter("Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "OtpPortal.*")
            .AddOtlpExporter(otlp => otlp.Endpoint = endpoint)
            .Build());
        builder.Services.AddSingleton(_ => Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource("Microsoft.AspNetCore", "System.Net.Http")
            .AddOtlpExporter(otlp => otlp.Endpoint = endpoint)
            .Build());
        builder.Services.AddHostedService<TelemetryStart>();
    }

    // Providers export from the moment somebody asks for them, and flush when they are disposed with the host.
    private sealed class TelemetryStart(MeterProvider meters, TracerProvider traces) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) =>
            Task.Run(() => meters.ForceFlush(5000) && traces.ForceFlush(5000), cancellationToken);
    }
}
