using System.Diagnostics;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Storage;

namespace OtpPortal.Gateway;

/// <summary>The API that other backends use, in otpgateway's wire format: <c>/api/…</c>.</summary>
public static class GatewayEndpoints
{
    internal const int MaxBody = 128 * 1024;
    private const string Unknown = "the OTP does not exist";

    public static WebApplicationBuilder AddGateway(this WebApplicationBuilder builder)
    {
        builder.AddSettings<GatewaySettings>();
        foreach (var root in (string[])["/api/otp", "/api/providers", "/api/health"]) builder.Services.AddSingleton(new ApiErrorWriter(root, GatewayResults.WriteAsync));
        builder.Services.AddScheme<NamespaceHandler>(NamespaceHandler.SchemeName);
        builder.Services.AddSingleton<GatewayResults>();
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
        builder.Services.AddSingleton<VerificationLog>();
        builder.Services.AddSingleton<VerificationSender>();
        builder.Services.AddSingleton<VerificationFlow>();
        return builder;
    }

    public static void MapGateway(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/api/health", ["GET", "HEAD"], HealthAsync).NoStore().WithMetadata(new RequireStoreAttribute());
        routes.MapGet("/otp/{namespace}/{id}/status", PageStatusAsync).NoStore()
            .WithMetadata(new RequireStoreAttribute(), new ApiErrorWriter("/otp", GatewayResults.WriteAsync));
        routes.MapHostedPages();

        var api = routes.MapGroup("/api")
            .RequireAuthorization(NamespaceHandler.SchemeName).WithCredentialsInHeader()
            .MaxBody(MaxBody).NoStore().WithMetadata(new RequireStoreAttribute());
        api.MapGet("/providers", ListProviders);
        api.MapPut("/otp", CreateAsync);
        api.MapPut("/otp/{id}", PutAsync);
        api.MapPost("/otp/{id}", CheckAsync);
        api.MapPost("/otp/{id}/status", StatusAsync);
        api.MapDelete("/otp/{id}/status", TakeStatusAsync);
    }

    private static async Task<IResult> HealthAsync(Stores stores)
    {
        await stores.Otp.PingAsync();
        return GatewayResults.Success("OK", GatewayJson.Json.SuccessText);
    }

    private static IResult ListProviders(Providers providers) => GatewayResults.Success(providers.Names, GatewayJson.Json.SuccessNames);

    private static Task<IResult> CreateAsync(
        HttpContext context, Namespace owner, Fields fields, VerificationRequestReader reader, VerificationFlow flow, GatewayResults results) =>
        StartAsync(context, RandomText.New(32), owner, fields, reader, flow, results);

    private static Task<IResult> PutAsync(
        HttpContext context, Namespace owner, Fields fields, VerificationRequestReader reader, VerificationFlow flow, GatewayResults results) =>
        StartAsync(context, VerificationId.Of(context), owner, fields, reader, flow, results);

    private static async Task<IResult> StartAsync(
        HttpContext context, string? id, Namespace owner, Fields fields, VerificationRequestReader reader, VerificationFlow flow, GatewayResults results)
    {
        var problem = VerificationId.Rule;
        if (id is null || reader.Read(id, fields, out problem) is not { } request) return GatewayResults.BadRequest(problem);
        switch (await flow.PutAsync(owner, request, ClientAddress.Of(context), context.RequestAborted))
        {
            case PutOutcome.Created(var created, var code):
                return results.Created(created, code, request.Terms.Lifetime);
            case PutOutcome.Locked(var locked):
                return results.PutLocked(context, locked);
            case PutOutcome.Limited(var reason, var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                return GatewayResults.Failure(StatusCodes.Status429TooManyRequests, $"The message is not sent: {reason}.");
            case PutOutcome.NotSent:
                // The provider's answer is in the log alone: it may name accounts and addresses.
                return GatewayResults.Failure(StatusCodes.Status502BadGateway, "The provider did not take the message.");
            default:
                throw new UnreachableException();
        }
    }

    // There is no other action than to check: as in otpgateway, `action` is not read.
    private static async Task<IResult> CheckAsync(HttpContext context, Namespace owner, Fields fields, VerificationFlow flow, GatewayResults results)
    {
        if (VerificationId.Of(context) is not { } id) return GatewayResults.BadRequest(VerificationId.Rule);
        if (!VerificationRequestReader.TryFlag(fields, "skip_delete", out var keep, out var problem)) return GatewayResults.BadRequest(problem);
        if (!fields.TryOne("otp", out var typed, out problem)) return GatewayResults.BadRequest(problem);
        if (typed.Length == 0) return GatewayResults.BadRequest("`otp` is empty.");
        return await flow.CheckAsync(owner, id, typed, keep, ClientAddress.Of(context)) switch
        {
            CheckOutcome.Verified(var verified) => results.Success(verified),
            CheckOutcome.Wrong(var wrong) => results.Failure(StatusCodes.Status400BadRequest, "Incorrect OTP", wrong),
            CheckOutcome.Locked(var locked) => results.CheckLocked(context, locked),
            CheckOutcome.Closed(var closed) => results.Failure(StatusCodes.Status429TooManyRequests, "The OTP was verified already: ask for its status.", closed),
            CheckOutcome.Unknown => GatewayResults.BadRequest(Unknown),
            _ => throw new UnreachableException(),
        };
    }

    private static async Task<IResult> StatusAsync(HttpContext context, Namespace owner, VerificationFlow flow, GatewayResults results)
    {
        if (VerificationId.Of(context) is not { } id) return GatewayResults.BadRequest(VerificationId.Rule);
        return Status(await flow.FindAsync(owner.Name, id), results);
    }

    private static async Task<IResult> TakeStatusAsync(HttpContext context, Namespace owner, VerificationFlow flow, GatewayResults results)
    {
        if (VerificationId.Of(context) is not { } id) return GatewayResults.BadRequest(VerificationId.Rule);
        var verification = await flow.FindAsync(owner.Name, id);
        return Status(verification is { Closed: true } ? await flow.TakeAsync(owner.Name, id) : verification, results);
    }

    private static IResult Status(Verification? verification, GatewayResults results) => verification switch
    {
        null => GatewayResults.BadRequest(Unknown),
        { Closed: false } => GatewayResults.BadRequest("OTP not verified"),
        _ => results.Success(verification),
    };

    // For the pages: the user who was sent the link knows the id, and learns only whether the verification is closed.
    private static async Task<IResult> PageStatusAsync(HttpContext context, string @namespace, VerificationFlow flow, GatewaySettings settings)
    {
        var id = VerificationId.Of(context) ?? "";
        var verification = await HostedPages.FindAsync(flow, settings, @namespace, id);
        bool? closed = verification?.Closed ?? (await flow.EchoAsync(@namespace, id) is null ? null : true);
        return closed is null
            ? GatewayResults.BadRequest("Session expired.")
            : GatewayResults.Success(new GatewayJson.ClosedData(closed.Value), GatewayJson.Json.SuccessClosedData);
    }
}
