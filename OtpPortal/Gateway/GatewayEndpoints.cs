using System.ComponentModel;
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
    internal const string Document = "gateway";
    internal const string Busy = "the namespace's requests are used up, or too many wrong credentials came from this address.";
    private const string Unknown = "the OTP does not exist";
    private static readonly ApiPathParameter s_id = new(
        "id",
        "Chosen by the caller and unique in the namespace: 6 to 200 printable characters, percent-encoded. Use one for each thing to "
            + "verify, such as a hash of the user and the purpose; an id that stays the same keeps its tries.");

    public static WebApplicationBuilder AddGateway(this WebApplicationBuilder builder)
    {
        builder.AddSettings<GatewaySettings>();
        foreach (var root in (string[])["/api/otp", "/api/providers", "/api/health"])
        {
            builder.Services.AddSingleton(GatewayResults.ErrorWriter(root));
        }
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
        routes.MapMethods("/api/health", ["GET", "HEAD"], HealthAsync).NoStore().WithMetadata(new RequireStoreAttribute())
            .InDocument(Document, "Gateway")
            .Describe("health", "Whether the gateway is well").Answers(200, "The store answers.", typeof(GatewayJson.Success<string>));
        routes.MapGet("/otp/{namespace}/{id}/status", PageStatusAsync).NoStore()
            .WithMetadata(new RequireStoreAttribute(), GatewayResults.ErrorWriter("/otp"), s_id)
            .InDocument(Document, "Gateway")
            .Describe("pageStatus", "Whether a page's verification is done")
            .Answers(200, "Whether it is.", typeof(GatewayJson.Success<GatewayJson.ClosedData>))
            .Answers(400, "It has expired, or there is none.");
        routes.MapHostedPages();

        var api = routes.MapGroup("/api")
            .RequireAuthorization(NamespaceHandler.SchemeName).WithCredentialsInHeader()
            .MaxBody(MaxBody).NoStore().WithMetadata(new RequireStoreAttribute(), s_id)
            .InDocument(Document, "Gateway").AnswersQuota("namespace", "LIMIT_REQUESTS_PER_NAMESPACE")
            .Answers(401, "The Basic credentials are missing, malformed or wrong.")
            .AnswersHeader("WWW-Authenticate", "Basic.", 401)
            .Answers(429, Busy);
        api.MapGet("/providers", ListProviders).Describe("listProviders", "List the providers")
            .Answers(200, "Their names, as PUT takes them.", typeof(GatewayJson.Success<IReadOnlyList<string>>));

        var forms = api.MapGroup("/otp").Answers(413, "The request is larger than 128 KB.");
        var puts = forms.MapGroup("").TakesForm(typeof(GatewayForms.Put))
            .Answers(
                200, "The code was handed to the provider, or waits for the address.",
                typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(400, "A field is not allowed; the message names it.")
            .Answers(
                429, $"The id is locked, a limit holds the message back, or: {Busy}",
                typeof(GatewayJson.Failure<GatewayJson.LockData>))
            .Answers(502, "No provider took the message. The record is kept only if there was one before or the provider is a webhook.");
        puts.MapPut("", CreateAsync)
            .Describe(
                "beginVerificationWithRandomId", "Begin a verification with a random id",
                "As PUT /api/otp/{id}, with an id of 32 random letters and digits.");
        puts.MapPut("/{id}", PutAsync).Describe(
            "beginVerification", "Begin a verification",
            "Creates a code, and sends it if `to` is given. Repeated on a live id it sends a new code in place of the old one; tries and "
                + "messages count on.");
        forms.MapPost("/{id}", CheckAsync).TakesForm(typeof(GatewayForms.Check))
            .Describe(
                "checkCode", "Try a code",
                "Counted before it is compared. The right code succeeds once. Without skip_delete the record is deleted then.")
            .Answers(200, "The code was right.", typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(
                400, "The code was wrong (`data` has the tries), the id does not exist, or a field is not allowed.",
                typeof(GatewayJson.Failure<GatewayJson.OtpData>))
            .Answers(
                429, $"No tries are left, the id was verified already (`data.closed`, no `Retry-After`), or: {Busy}",
                typeof(GatewayJson.Failure<GatewayJson.OtpData>));
        api.MapPost("/otp/{id}/status", StatusAsync)
            .Describe(
                "verificationStatus", "Ask whether a verification is done",
                "For a backend whose user was on the hosted page: trust this answer, not the browser.")
            .Answers(200, "It is done.", typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(400, "It is not, or there is none.");
        api.MapDelete("/otp/{id}/status", TakeStatusAsync).Describe("takeVerification", "Ask, and delete it when it is done")
            .Answers(200, "It was done and is deleted.", typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(400, "It is not done, or there is none; nothing was deleted.");
    }

    private static async Task<IResult> HealthAsync(Stores stores)
    {
        await stores.Otp.PingAsync();
        return GatewayResults.Success("OK", GatewayJson.Json.SuccessText);
    }

    private static IResult ListProviders(Providers providers) => GatewayResults.Success(providers.Names, GatewayJson.Json.SuccessNames);

    private static Task<IResult> CreateAsync(
        HttpContext context, Namespace owner, Fields fields, VerificationRequestReader reader, VerificationFlow flow,
        GatewayResults results) =>
        StartAsync(context, RandomText.New(32), owner, fields, reader, flow, results);

    private static Task<IResult> PutAsync(
        HttpContext context, Namespace owner, Fields fields, VerificationRequestReader reader, VerificationFlow flow,
        GatewayResults results) =>
        StartAsync(context, VerificationId.Of(context), owner, fields, reader, flow, results);

    private static async Task<IResult> StartAsync(
        HttpContext context, string? id, Namespace owner, Fields fields, VerificationRequestReader reader, VerificationFlow flow,
        GatewayResults results)
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
    private static async Task<IResult> CheckAsync(
        HttpContext context, Namespace owner, Fields fields, VerificationFlow flow, GatewayResults results)
    {
        if (VerificationId.Of(context) is not { } id) return GatewayResults.BadRequest(VerificationId.Rule);
        if (!VerificationRequestReader.TryFlag(fields, "skip_delete", out var keep, out var problem))
            return GatewayResults.BadRequest(problem);
        if (!fields.TryOne("otp", out var typed, out problem)) return GatewayResults.BadRequest(problem);
        if (typed.Length == 0) return GatewayResults.BadRequest("`otp` is empty.");
        return await flow.CheckAsync(owner, id, typed, keep, ClientAddress.Of(context)) switch
        {
            CheckOutcome.Verified(var verified) => results.Success(verified),
            CheckOutcome.Wrong(var wrong) => results.Failure(StatusCodes.Status400BadRequest, "Incorrect OTP", wrong),
            CheckOutcome.Locked(var locked) => results.CheckLocked(context, locked),
            CheckOutcome.Closed(var closed) =>
                results.Failure(StatusCodes.Status429TooManyRequests, "The OTP was verified already: ask for its status.", closed),
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
    private static async Task<IResult> PageStatusAsync(
        HttpContext context, [Description("The name of the namespace.")] string @namespace, VerificationFlow flow, GatewaySettings settings)
    {
        var id = VerificationId.Of(context) ?? "";
        var verification = await HostedPages.FindAsync(flow, settings, @namespace, id);
        bool? closed = verification?.Closed ?? (await flow.EchoAsync(@namespace, id) is null ? null : true);
        return closed is null
            ? GatewayResults.BadRequest("Session expired.")
            : GatewayResults.Success(new GatewayJson.ClosedData(closed.Value), GatewayJson.Json.SuccessClosedData);
    }
}
