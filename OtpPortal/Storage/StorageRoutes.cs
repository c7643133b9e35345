using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Options;
using OtpPortal.Configuration;
using OtpPortal.Storage.Embedded;

namespace OtpPortal.Storage;

/// <summary>Redis, the embedded store, Data Protection keys and the health endpoints.</summary>
public static class StorageRoutes
{
    public static WebApplicationBuilder AddStorage(this WebApplicationBuilder builder)
    {
        var storage = builder.AddSettings<StorageSettings>();
        var data = builder.AddSettings<DataSettings>();
        builder.Services.AddSingleton(data.Secret);
        builder.Services.AddExceptionHandler<StoreUnavailableHandler>();
        builder.Services.AddSingleton(services => Open(storage, data.DataDir, services.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddSingleton<IXmlRepository>(services => new ProtectedKeyRepository(
            services.GetRequiredService<Stores>().Auth, data.Secret));
        // Named, because the default name is the program's folder, and replicas need not be installed in the same place.
        builder.Services.AddDataProtection().SetApplicationName("OtpPortal");
        builder.Services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(services =>
            new ConfigureOptions<KeyManagementOptions>(options => options.XmlRepository = services.GetRequiredService<IXmlRepository>()));
        return builder;
    }

    /// <summary>
    /// Answers 503 at once on the sign-in pages while a store is known to be away, rather than letting a page half work: the address page,
    /// say, needs no store, but its form does.
    /// </summary>
    public static void UseStoreGuard(this IApplicationBuilder app)
    {
        var stores = app.ApplicationServices.GetRequiredService<Stores>();
        app.Use((context, next) =>
        {
            var path = context.Request.Path;
            if (stores.AreConnected || !(path == "/" || path.StartsWithSegments("/login", StringComparison.Ordinal) || path == "/login-otp" || path.StartsWithSegments("/logout", StringComparison.Ordinal)
                || (path.StartsWithSegments("/otp", StringComparison.Ordinal) && !path.Value!.EndsWith("/status", StringComparison.Ordinal))))
            {
                return next(context);
            }
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        });
    }

    /// <summary>
    /// Repeats a GET or HEAD request once when its connection to a store broke while another one is there, or is within half a second: after a failover,
    /// say. Nothing else is repeated, because a POST may have been carried out.
    /// </summary>
    public static void UseStoreRetry(this IApplicationBuilder app)
    {
        var stores = app.ApplicationServices.GetRequiredService<Stores>();
        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
            }
            catch (Exception e) when (StoreFailure.Is(e) && !context.Response.HasStarted
                && (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)))
            {
                if (!await stores.ReconnectsAsync(TimeSpan.FromMilliseconds(500), context.RequestAborted)) throw;
                // Not Response.Clear: it would take the security headers away, which are set before this.
                context.Response.StatusCode = StatusCodes.Status200OK;
                context.SetEndpoint(null);
                context.Request.RouteValues.Clear();
                await next(context);
            }
        });
    }

    /// <summary><c>GET /healthz</c>: the process serves. <c>GET /readyz</c>: both stores answer, and no shutdown has begun.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/healthz", ["GET", "HEAD"], () => Results.Text("OK"));
        routes.MapMethods("/readyz", ["GET", "HEAD"], async (Stores stores, IHostApplicationLifetime lifetime) =>
        {
            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                return Results.Json(new { status = "stopping" }, statusCode: StatusCodes.Status503ServiceUnavailable);
            }
            var states = await Task.WhenAll(AnswersAsync(stores.Otp), AnswersAsync(stores.Auth));
            var down = new[] { stores.Otp, stores.Auth }.Where((_, i) => !states[i]).Select(store => store.Name).ToArray();
            return down.Length == 0
                ? Results.Json(new { status = "ready" })
                : Results.Json(new { status = "unavailable", stores = down }, statusCode: StatusCodes.Status503ServiceUnavailable);
        });
    }

    private static async Task<bool> AnswersAsync(RedisStore store)
    {
        if (!store.IsConnected) return false;
        try
        {
            await store.PingAsync();
            return true;
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            return false;
        }
    }

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
        return new Stores(RedisStore.Connect("otp", otp), RedisStore.Connect("auth", auth), embedded);
    }
}
