using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.Metrics;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using OtpPortal.Configuration;
using OtpPortal.Storage.Embedded;

namespace OtpPortal.Storage;

/// <summary>Registers Redis, the embedded store, Data Protection and the health endpoints.</summary>
public static class StorageRoutes
{
    public static WebApplicationBuilder AddStorage(this WebApplicationBuilder builder)
    {
        var storage = builder.AddSettings<StorageSettings>();
        var data = builder.AddSettings<DataSettings>();
        builder.Services.AddSingleton(data.Secret);
        builder.Services.AddExceptionHandler<StoreUnavailableHandler>();
        builder.Services.AddHealthChecks()
            .Add(
                new HealthCheckRegistration("otp", services => new StoreHealthCheck(services.GetRequiredService<Stores>().Otp), null, null))
            .Add(
                new HealthCheckRegistration(
                    "auth", services => new StoreHealthCheck(services.GetRequiredService<Stores>().Auth), null, null))
            .AddCheck<ShutdownHealthCheck>(ShutdownHealthCheck.Name);
        builder.Services.AddSingleton(services =>
        {
            var stores = Open(storage, data.DataDir, services.GetRequiredService<ILoggerFactory>());
            Measure(stores, services.GetRequiredService<IMeterFactory>());
            return stores;
        });
        builder.Services.AddSingleton<StoreRetry>();
        builder.Services.AddSingleton<ReplicaWait>();
        builder.Services.AddSingleton<IXmlRepository>(services => new ProtectedKeyRepository(
            services.GetRequiredService<Stores>().Auth, data.Secret));
        // A fixed name: the default is the installation folder, which can differ between replicas.
        builder.Services.AddDataProtection().SetApplicationName("OtpPortal");
        builder.Services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(services =>
            new ConfigureOptions<KeyManagementOptions>(options => options.XmlRepository = services.GetRequiredService<IXmlRepository>()));
        return builder;
    }

    /// <summary>
    /// Responds 503 at once for an endpoint with <see cref="RequireStoreAttribute"/> while a store is known to be unavailable.
    /// </summary>
    public static void UseStoreGuard(this IApplicationBuilder app)
    {
        var stores = app.ApplicationServices.GetRequiredService<Stores>();
        app.Use((context, next) =>
        {
            if (stores.AreConnected || context.GetEndpoint()?.Metadata.GetMetadata<RequireStoreAttribute>() is null) return next(context);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        });
    }

    /// <summary>
    /// Retries a GET or HEAD request once (<see cref="Stores.ReconnectAsync"/>). Other methods are not retried, because a POST may
    /// already have taken effect.
    /// </summary>
    public static void UseStoreRetry(this IApplicationBuilder app)
    {
        var stores = app.ApplicationServices.GetRequiredService<Stores>();
        app.Use((context, next) => HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
            ? RetryAsync(stores, context, next)
            : next(context));
    }

    private static async Task RetryAsync(Stores stores, HttpContext context, RequestDelegate next)
    {
        // Of the earlier middleware, such as the security headers.
        var headers = context.Response.Headers.ToArray();
        try
        {
            await next(context);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            if (!await stores.ReconnectAsync(context.RequestAborted) || !TryReset(context, headers)) throw;
            await next(context);
        }
    }

    // Returns false if a part of the response has been sent.
    private static bool TryReset(HttpContext context, KeyValuePair<string, StringValues>[] headers)
    {
        if (context.Response.HasStarted) return false;
        context.Response.StatusCode = StatusCodes.Status200OK;
        // Pages fail if the first attempt's headers are still there, and a page's renderer runs once per scope.
        context.Response.Headers.Clear();
        foreach (var (name, value) in headers) context.Response.Headers[name] = value;
        var scope = context.RequestServices.CreateAsyncScope();
        context.Response.RegisterForDisposeAsync(scope);
        context.RequestServices = scope.ServiceProvider;
        context.SetEndpoint(null);
        context.Request.RouteValues.Clear();
        return true;
    }

    /// <summary>
    /// Maps <c>GET /healthz</c> (the process serves requests) and <c>GET /readyz</c> (both stores respond, and no shutdown has
    /// begun).
    /// </summary>
    /// <param name="operatorScheme">The authentication scheme of callers that may see the version.</param>
    public static void MapHealth(this IEndpointRouteBuilder routes, string operatorScheme)
    {
        var methods = new HttpMethodMetadata(["GET", "HEAD"]);
        routes.MapHealthChecks("/healthz", new HealthCheckOptions
        {
            Predicate = _ => false,
            ResponseWriter = (context, _) => WriteAliveAsync(context, operatorScheme),
        })
            .WithMetadata(
                methods, new ProducesResponseTypeMetadata(200, typeof(string), ["text/plain"]) { Description = "The process is running." })
            .ShortCircuit()
            .WithGroupName("portal").WithTags("Health").WithName("healthz").WithSummary("Check whether the process is running")
            .WithDescription("The body is OK. With Authorization: Bearer AUTH_SECRET_KEY, the version follows.");
        var ready = new ProducesResponseTypeMetadata(200, typeof(Readiness), ["application/json"])
        {
            Description = "Both stores are available.",
        };
        var unavailable = new ProducesResponseTypeMetadata(503, typeof(Readiness), ["application/json"])
        {
            Description = "A store is unavailable, or the process is stopping.",
        };
        routes.MapHealthChecks("/readyz", new HealthCheckOptions { ResponseWriter = WriteReadinessAsync })
            .WithMetadata(methods, ready, unavailable).ShortCircuit()
            .WithGroupName("portal").WithTags("Health").WithName("readyz").WithSummary("Check whether the portal is ready");
    }

    private static async Task WriteAliveAsync(HttpContext context, string operatorScheme)
    {
        var text = await IsOperatorAsync(context, operatorScheme) ? "OK " + PortalVersion.Text : "OK";
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text);
    }

    // Wrong keys are counted in the store, so no caller is an operator without it. The response is still 200: the process
    // serves requests.
    private static async Task<bool> IsOperatorAsync(HttpContext context, string operatorScheme)
    {
        if (context.Request.Headers.Authorization.Count == 0) return false;
        if (!context.RequestServices.GetRequiredService<Stores>().AreConnected) return false;
        try
        {
            return (await context.AuthenticateAsync(operatorScheme)).Succeeded;
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            return false;
        }
    }

    private static Task WriteReadinessAsync(HttpContext context, HealthReport report)
    {
        var failed = report.Entries.Where(entry => entry.Value.Status == HealthStatus.Unhealthy).Select(entry => entry.Key).ToList();
        return failed switch
        {
            [] => context.Response.WriteAsJsonAsync(new Readiness("ready")),
            _ when failed.Contains(ShutdownHealthCheck.Name) => context.Response.WriteAsJsonAsync(new Readiness("stopping")),
            _ => context.Response.WriteAsJsonAsync(new Readiness("unavailable", failed)),
        };
    }

    private sealed record Readiness(
        [property: JsonPropertyName("status"), AllowedValues("ready", "stopping", "unavailable")] string Status,
        [property: JsonPropertyName("stores"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        [property: Description("The stores that are unavailable.")]
        IReadOnlyList<string>? Stores = null);

    private static void Measure(Stores stores, IMeterFactory meters) => meters.Create("OtpPortal.Storage").CreateObservableGauge<int>(
        "otpportal.store.up",
        () =>
        [
            new(stores.Otp.IsConnected ? 1 : 0, new KeyValuePair<string, object?>("store", "otp")),
            new(stores.Auth.IsConnected ? 1 : 0, new KeyValuePair<string, object?>("store", "auth")),
        ],
        description: "Whether a store is connected (1) or not (0).");

    private static Stores Open(StorageSettings settings, string dataDirectory, ILoggerFactory loggers)
    {
        var (otp, auth) = (settings.Otp, settings.Auth);
        EmbeddedStore? embedded = null;
        if (otp is null || auth is null)
        {
            embedded = EmbeddedStore.Start(dataDirectory, loggers.CreateLogger<EmbeddedStore>());
            otp ??= new RedisAddress(embedded.EndPoint, embedded.Password, Tls: false, Database: 0);
            auth ??= new RedisAddress(embedded.EndPoint, embedded.Password, Tls: false, Database: 1);
        }
        var logger = loggers.CreateLogger<RedisStore>();
        return new Stores(RedisStore.Connect("otp", otp, logger), RedisStore.Connect("auth", auth, logger), embedded);
    }
}

/// <summary>
/// Marks pages and endpoints that do not work without the store, so that they respond 503. The address page itself needs no
/// store, but its form does.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class RequireStoreAttribute : Attribute;
