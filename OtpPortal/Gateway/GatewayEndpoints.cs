using System.Diagnostics;
using System.Text.Json.Serialization.Metadata;
using OtpPortal.Delivery;
using OtpPortal.Configuration;
using OtpPortal.Storage;
using OtpPortal.Http;
using OtpPortal.Security;

namespace OtpPortal.Gateway;

/// <summary>The API that other backends use, in otpgateway's wire format: <c>/api/…</c>.</summary>
public static class GatewayEndpoints
{
    private const string Name = "namespace";
    private const int MaxBody = 128 * 1024;

    public static WebApplicationBuilder AddGateway(this WebApplicationBuilder builder)
    {
        builder.AddSettings<GatewaySettings>();
        foreach (var root in (string[])["/api/otp", "/api/providers", "/api/health"]) builder.Services.AddSingleton(new ErrorForm(root, FailAsync));
        builder.Services.AddSingleton<NamespaceGuard>();
        builder.Services.AddSingleton<VerificationRequestReader>();
        builder.Services.AddSingleton<VerificationMessage>();
        // A redirect would carry what happened to wherever it points.
        builder.Services.AddHttpClient(nameof(EventWebhooks)).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(5),
        });
        builder.Services.AddSingleton<EventWebhooks>();
        builder.Services.AddHostedService(services => services.GetRequiredService<EventWebhooks>());
        builder.Services.AddSingleton<VerificationEvents>();
        builder.Services.AddSingleton<VerificationFlow>();
        return builder;
    }

    public static void MapGateway(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/api/health", ["GET", "HEAD"], Answer(HealthAsync));
        var api = routes.MapGroup("/api").WithCredentialsInHeader();
        api.MapGet("/providers", Answer(ListProvidersAsync, needsNamespace: true));
        api.MapPut("/otp", Answer(PutAsync, needsNamespace: true));
        api.MapPut("/otp/{id}", Answer(PutAsync, needsNamespace: true));
        api.MapPost("/otp/{id}", Answer(CheckAsync, needsNamespace: true));
        api.MapPost("/otp/{id}/status", Answer(StatusAsync, needsNamespace: true));
        api.MapDelete("/otp/{id}/status", Answer(StatusAsync, needsNamespace: true));
        routes.MapGet("/otp/{namespace}/{id}/status", Answer(PageStatusAsync));
        routes.MapHostedPages();
    }

    private static async Task HealthAsync(HttpContext context)
    {
        await context.RequestServices.GetRequiredService<Stores>().Otp.PingAsync();
        await SucceedAsync(context, "OK", GatewayJson.Json.SuccessText);
    }

    private static Task ListProvidersAsync(HttpContext context) =>
        SucceedAsync(context, context.RequestServices.GetRequiredService<Providers>().Names, GatewayJson.Json.SuccessNames);

    private static async Task PutAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var (portal, time) = (services.GetRequiredService<PortalSettings>(), services.GetRequiredService<TimeProvider>());
        var fields = await ReadAsync(context);
        var complaint = VerificationId.Rule;
        var id = context.GetRouteValue("id") is null ? RandomText.New(32) : VerificationId.Of(context);
        if (id is null || services.GetRequiredService<VerificationRequestReader>().Read(id, fields, out complaint) is not { } request)
        {
            await FailAsync(context, StatusCodes.Status400BadRequest, complaint);
            return;
        }
        var flow = services.GetRequiredService<VerificationFlow>();
        switch (await flow.PutAsync(OwnerOf(context), request, ClientAddress.Of(context), context.RequestAborted))
        {
            case PutOutcome.Created(var created, var code):
                // The time that was asked for, as otpgateway says: not less because the provider took its time.
                await SucceedAsync(context, GatewayJson.Describe(created, portal, time, code) with { Ttl = (long)request.Terms.Lifetime.TotalSeconds }, GatewayJson.Json.SuccessOtpData);
                break;
            case PutOutcome.Locked(var locked):
                await FailLockedAsync(context, locked, "OTP attempts exceeded. Retry after", GatewayJson.DescribeLock(locked, time), GatewayJson.Json.FailureLockData);
                break;
            case PutOutcome.Limited(var reason, var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                await FailAsync(context, StatusCodes.Status429TooManyRequests, $"The message is not sent: {reason}.");
                break;
            case PutOutcome.NotSent:
                // What the provider said is in our log: it may name accounts and addresses that are nobody else's business.
                await FailAsync(context, StatusCodes.Status502BadGateway, "The provider did not take the message.");
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static async Task CheckAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var (portal, time) = (services.GetRequiredService<PortalSettings>(), services.GetRequiredService<TimeProvider>());
        var fields = await ReadAsync(context);
        var id = VerificationId.Of(context);
        string complaint;
        // There is no other action than to check: as in otpgateway, `action` is not read.
        if (id is null) complaint = VerificationId.Rule;
        else if (!VerificationRequestReader.TryFlag(fields, "skip_delete", out var keep, out complaint)) { }
        else if (!fields.TryOne("otp", out var typed, out complaint)) { }
        else if (typed.Length == 0) complaint = "`otp` is empty.";
        else
        {
            switch (await services.GetRequiredService<VerificationFlow>().CheckAsync(OwnerOf(context), id, typed, keep, ClientAddress.Of(context)))
            {
                case CheckOutcome.Verified(var verified):
                    await SucceedAsync(context, GatewayJson.Describe(verified, portal, time), GatewayJson.Json.SuccessOtpData);
                    return;
                case CheckOutcome.Wrong(var wrong):
                    await FailAsync(context, StatusCodes.Status400BadRequest, "Incorrect OTP", GatewayJson.Describe(wrong, portal, time), GatewayJson.Json.FailureOtpData);
                    return;
                case CheckOutcome.Locked(var locked):
                    await FailLockedAsync(context, locked, "Too many attempts. Please retry after", GatewayJson.Describe(locked, portal, time), GatewayJson.Json.FailureOtpData);
                    return;
                case CheckOutcome.Closed(var closed):
                    await FailAsync(
                        context, StatusCodes.Status429TooManyRequests, "The OTP was verified already: ask for its status.",
                        GatewayJson.Describe(closed, portal, time), GatewayJson.Json.FailureOtpData);
                    return;
                case CheckOutcome.Unknown:
                    complaint = Unknown;
                    break;
                default:
                    throw new UnreachableException();
            }
        }
        await FailAsync(context, StatusCodes.Status400BadRequest, complaint);
    }

    private static async Task StatusAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var flow = services.GetRequiredService<VerificationFlow>();
        var owner = OwnerOf(context).Name;
        if (VerificationId.Of(context) is not { } id)
        {
            await FailAsync(context, StatusCodes.Status400BadRequest, VerificationId.Rule);
            return;
        }
        var verification = await flow.FindAsync(owner, id);
        if (verification is { Closed: true } && HttpMethods.IsDelete(context.Request.Method)) verification = await flow.TakeAsync(owner, id);
        if (verification is not { Closed: true })
        {
            await FailAsync(context, StatusCodes.Status400BadRequest, verification is null ? Unknown : "OTP not verified");
            return;
        }
        await SucceedAsync(
            context, GatewayJson.Describe(verification, services.GetRequiredService<PortalSettings>(), services.GetRequiredService<TimeProvider>()), GatewayJson.Json.SuccessOtpData);
    }

    // For the pages of whoever was sent the link: they know the id, and learn no more than whether it is done.
    private static async Task PageStatusAsync(HttpContext context)
    {
        var (name, id) = ((string)context.GetRouteValue(Name)!, VerificationId.Of(context) ?? "");
        var flow = context.RequestServices.GetRequiredService<VerificationFlow>();
        var verification = await HostedPages.FindAsync(flow, context.RequestServices.GetRequiredService<GatewaySettings>(), name, id);
        bool? closed = verification?.Closed ?? (await flow.EchoAsync(name, id) is null ? null : true);
        if (closed is null) await FailAsync(context, StatusCodes.Status400BadRequest, "Session expired.");
        else await SucceedAsync(context, new GatewayJson.ClosedData(closed.Value), GatewayJson.Json.SuccessClosedData);
    }

    private const string Unknown = "the OTP does not exist";

    private static Namespace OwnerOf(HttpContext context) => (Namespace)context.Items[typeof(Namespace)]!;

    private static async Task<Fields> ReadAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.HasFormContentType) return new Fields(await request.ReadFormAsync(context.RequestAborted), request.Query);
        // A body that is not a form counts for nothing. Where the query is empty too, its sender meant it as fields.
        if (request.Query.Count == 0 && (request.ContentLength > 0 || request.Headers.TransferEncoding.Count > 0))
        {
            throw new BadHttpRequestException("The fields are sent as a form: application/x-www-form-urlencoded or multipart/form-data.", StatusCodes.Status400BadRequest);
        }
        return new Fields(FormCollection.Empty, request.Query);
    }

    // Every answer in the API's own envelope, whatever goes wrong.
    private static RequestDelegate Answer(RequestDelegate handle, bool needsNamespace = false) => async context =>
    {
        context.Response.Headers.CacheControl = "no-store";
        if (context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = MaxBody;
        try
        {
            if (!context.RequestServices.GetRequiredService<Stores>().AreConnected) await FailStoreAwayAsync(context);
            else if (!needsNamespace || await AdmitAsync(context)) await handle(context);
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await FailAsync(context, e.StatusCode, e.StatusCode == StatusCodes.Status413PayloadTooLarge ? $"The request is too large: at most {MaxBody / 1024} KB." : e.Message);
        }
        catch (Exception e) when (e is InvalidDataException or IOException && !context.Response.HasStarted)
        {
            await FailAsync(context, StatusCodes.Status400BadRequest, "The form cannot be read.");
        }
        catch (Exception e) when (StoreFailure.Is(e) && !context.Response.HasStarted)
        {
            await FailStoreAwayAsync(context);
        }
    };

    private static Task FailStoreAwayAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "5";
        return FailAsync(context, StatusCodes.Status503ServiceUnavailable, "Unable to reach store.");
    }

    private static async Task<bool> AdmitAsync(HttpContext context)
    {
        switch (await context.RequestServices.GetRequiredService<NamespaceGuard>().JudgeAsync(context))
        {
            case Admission.Admitted(var owner):
                context.Items[typeof(Namespace)] = owner;
                return true;
            case Admission.Limited(var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                await FailAsync(context, StatusCodes.Status429TooManyRequests, "Too many wrong credentials from this address.");
                return false;
            case Admission.OverQuota:
                await FailAsync(context, StatusCodes.Status429TooManyRequests, "Too many requests of this namespace.");
                return false;
            case Admission.Refused(var message):
                context.Response.Headers.WWWAuthenticate = NamespaceGuard.Challenge;
                await FailAsync(context, StatusCodes.Status401Unauthorized, message);
                return false;
            default:
                throw new UnreachableException();
        }
    }

    private static Task SucceedAsync<T>(HttpContext context, T data, JsonTypeInfo<GatewayJson.Success<T>> type) =>
        context.Response.WriteAsJsonAsync(new GatewayJson.Success<T>(data), type, "application/json; charset=utf-8", context.RequestAborted);

    // Locked until its time is over.
    private static Task FailLockedAsync<T>(HttpContext context, Verification locked, string message, T data, JsonTypeInfo<GatewayJson.Failure<T>> type)
        where T : class
    {
        var left = GatewayJson.SecondsLeft(locked, context.RequestServices.GetRequiredService<TimeProvider>());
        context.Response.Headers.RetryAfter = Problem.Seconds(TimeSpan.FromSeconds(left));
        return FailAsync(context, StatusCodes.Status429TooManyRequests, $"{message} {left} seconds.", data, type);
    }

    private static Task FailAsync(HttpContext context, int status, string message) =>
        FailAsync(context, status, message, null, GatewayJson.Json.FailureLockData);

    private static Task FailAsync<T>(HttpContext context, int status, string message, T? data, JsonTypeInfo<GatewayJson.Failure<T>> type)
        where T : class
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new GatewayJson.Failure<T>(message, data), type, "application/json; charset=utf-8", context.RequestAborted);
    }
}
