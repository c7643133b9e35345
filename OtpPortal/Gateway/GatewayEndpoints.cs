using System.ComponentModel;
using System.Diagnostics;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Security;
using OtpPortal.Storage;

namespace OtpPortal.Gateway;

/// <summary>The API for other backends, in otpgateway's wire format: <c>/api/…</c>.</summary>
public static class GatewayEndpoints
{
    internal const int MaxBody = 128 * 1024;
    internal const string Document = "gateway";
    internal const string Busy = "the namespace's request quota is exhausted, or this client sent too many wrong credentials.";
    private const string Unknown = "the OTP does not exist";
    private static readonly ApiPathParameter s_id = new(
        "id",
        "Chosen by the caller, unique in the namespace: 6 to 200 printable characters, percent-encoded. Use one for each purpose, such "
            + "as a hash of the user and the purpose. An id that is used again keeps its attempts.");

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
        // Following a redirect would disclose the event to its target.
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
            .Describe("health", "Check the health of the gateway")
            .Answers(200, "The store is available.", typeof(GatewayJson.Success<string>));
        routes.MapGet("/otp/{namespace}/{id}/status", PageStatusAsync).NoStore()
            .WithMetadata(new RequireStoreAttribute(), GatewayResults.ErrorWriter("/otp"), s_id)
            .InDocument(Document, "Gateway")
            .Describe("pageStatus", "Check whether a hosted page's verification is complete")
            .Answers(200, "The state of the verification.", typeof(GatewayJson.Success<GatewayJson.ClosedData>))
            .Answers(400, "The verification has expired or does not exist.");
        routes.MapHostedPages();

        var api = routes.MapGroup("/api")
            .RequireAuthorization(NamespaceHandler.SchemeName).WithCredentialsInHeader()
            .MaxBody(MaxBody).NoStore().WithMetadata(new RequireStoreAttribute(), s_id)
            .InDocument(Document, "Gateway").AnswersQuota("namespace", "LIMIT_REQUESTS_PER_NAMESPACE")
            .Answers(401, "The Basic credentials are missing, malformed or wrong.")
            .AnswersHeader("WWW-Authenticate", "Basic.", 401)
            .Answers(429, $"Rate limited: {Busy}");
        api.MapGet("/providers", ListProviders).Describe("listProviders", "List the providers")
            .Answers(200, "The provider names that PUT accepts.", typeof(GatewayJson.Success<IReadOnlyList<string>>));

        var forms = api.MapGroup("/otp").Answers(413, "The request is larger than 128 KB.");
        var puts = forms.MapGroup("").TakesForm(typeof(GatewayForms.Put))
            .Answers(
                200, "The code was sent, or is waiting for the address.",
                typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(400, "A field is invalid. The message names it.")
            .Answers(
                429, $"The id is locked, a limit blocked the message, or {Busy}",
                typeof(GatewayJson.Failure<GatewayJson.LockData>))
            .Answers(502, "The message could not be sent. The record is kept only if it existed before or the provider is a webhook.");
        puts.MapPut("", CreateAsync)
            .Describe(
                "beginVerificationWithRandomId", "Start a verification with a random id",
                "Same as PUT /api/otp/{id}, with an id of 32 random letters and digits.");
        puts.MapPut("/{id}", PutAsync).Describe(
            "beginVerification", "Start a verification",
            "Creates a code and sends it if `to` is set. For a live id, sends a new code that replaces the old one. Attempts and "
                + "messages continue to count.");
        forms.MapPost("/{id}", CheckAsync).TakesForm(typeof(GatewayForms.Check))
            .Describe(
                "checkCode", "Check a code",
                "Each attempt is counted before the code is compared. The correct code succeeds once and deletes the record, unless "
                    + "skip_delete is true.")
            .Answers(200, "The code is correct.", typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(
                400, "The code is incorrect (`data` has the attempts), the id does not exist, or a field is invalid.",
                typeof(GatewayJson.Failure<GatewayJson.OtpData>))
            .Answers(
                429, $"No attempts are left, the id was already verified (`data.closed`, no `Retry-After`), or {Busy}",
                typeof(GatewayJson.Failure<GatewayJson.OtpData>));
        api.MapPost("/otp/{id}/status", StatusAsync)
            .Describe(
                "verificationStatus", "Get the status of a verification",
                "For backends whose users verify on the hosted page. Trust this response, not the browser.")
            .Answers(200, "The verification is complete.", typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(400, "The verification is not complete or does not exist.");
        api.MapDelete("/otp/{id}/status", TakeStatusAsync)
            .Describe("takeVerification", "Get the status, and delete a complete verification")
            .Answers(200, "The verification was complete and has been deleted.", typeof(GatewayJson.Success<GatewayJson.OtpData>))
            .Answers(400, "The verification is not complete or does not exist. Nothing was deleted.");
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
        StartAsync(context, RandomText.New(32), owner, fields, reader, flow.CreateAsync, results);

    private static Task<IResult> PutAsync(
        HttpContext context, Namespace owner, Fields fields, VerificationRequestReader reader, VerificationFlow flow,
        GatewayResults results) =>
        StartAsync(context, VerificationId.Of(context), owner, fields, reader, flow.PutAsync, results);

    private static async Task<IResult> StartAsync(
        HttpContext context, string? id, Namespace owner, Fields fields, VerificationRequestReader reader,
        Func<Namespace, VerificationRequest, string, CancellationToken, Task<PutOutcome>> start, GatewayResults results)
    {
        var problem = VerificationId.Rule;
        if (id is null || reader.Read(id, fields, out problem) is not { } request) return GatewayResults.BadRequest(problem);
        switch (await start(owner, request, ClientAddress.Of(context), context.RequestAborted))
        {
            case PutOutcome.Created(var created, var code):
                return results.Created(created, code, request.Terms.Lifetime);
            case PutOutcome.Locked(var locked):
                return results.PutLocked(context, locked);
            case PutOutcome.Limited(var reason, var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                return GatewayResults.Failure(StatusCodes.Status429TooManyRequests, $"The message is not sent: {reason}.");
            case PutOutcome.NotSent:
                // The provider's response is only in the log, because it may contain account names and addresses.
                return GatewayResults.Failure(StatusCodes.Status502BadGateway, "The message could not be sent.");
            default:
                throw new UnreachableException();
        }
    }

    // Checking is the only action: as in otpgateway, `action` is ignored.
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
            CheckOutcome.Closed(var closed) => results.Failure(
                StatusCodes.Status429TooManyRequests, "The OTP was already verified. Get its status instead.", closed),
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

    // For the hosted pages: a user with the link knows the id, and learns only whether the verification is closed.
    private static async Task<IResult> PageStatusAsync(
        HttpContext context, [Description("The name of the namespace.")] string @namespace, VerificationFlow flow, GatewaySettings settings)
    {
        var id = VerificationId.Of(context) ?? "";
        var verification = await HostedPages.FindAsync(flow, settings, @namespace, id);
        bool? closed = verification?.Closed ?? (await flow.FindRecentlyVerifiedAsync(@namespace, id) is null ? null : true);
        return closed is null
            ? GatewayResults.BadRequest("Session expired.")
            : GatewayResults.Success(new GatewayJson.ClosedData(closed.Value), GatewayJson.Json.SuccessClosedData);
    }
}
