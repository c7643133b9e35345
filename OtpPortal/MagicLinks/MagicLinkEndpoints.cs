using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.MagicLinks;

/// <summary>The API of service accounts, in magiclinksdev's wire format: <c>/api/v2/…</c>; and the page that its links open.</summary>
public static class MagicLinkEndpoints
{
    internal const int MaxBody = 64 * 1024;
    private const string Root = "/api/v2";
    private const string Document = "v2";
    private const string Busy = "the account's request quota is exhausted, or this client sent too many unknown keys.";

    public static WebApplicationBuilder AddMagicLinks(this WebApplicationBuilder builder)
    {
        builder.AddSettings<MagicLinkSettings>();
        builder.Services.AddSingleton<ServiceAccounts>();
        builder.Services.AddSingleton<AccountCodes>();
        builder.Services.AddSingleton<AccountMail>();
        builder.Services.AddSingleton<MagicLinkStore>();
        builder.Services.AddSingleton<Requests>();
        builder.Services.AddSingleton<V2Mailing>();
        builder.Services.AddSingleton(new ApiErrorWriter(Root, V2Results.WriteAsync, typeof(V2Json.Failure)));
        builder.Services.AddScheme<ServiceAccountHandler>(ServiceAccountHandler.SchemeName);
        return builder;
    }

    public static void MapMagicLinks(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods(Root + "/ready", ["GET", "HEAD"], ReadyAsync).NoStore().WithMetadata(new RequireStoreAttribute())
            .InDocument(Document, "Service")
            .Describe("ready", "Check whether the API is ready", "Checks both stores.")
            .Answers(200, "The API is ready. The body is empty.");
        routes.MapServiceAccounts();
        routes.MapMagicLinkPage();

        var api = routes.MapGroup(Root)
            .RequireAuthorization(ServiceAccountHandler.SchemeName).WithCredentialsInHeader()
            .MaxBody(MaxBody).NoStore().WithMetadata(new RequireStoreAttribute())
            .InDocument(Document, "Service accounts").AnswersQuota("account", "LIMIT_REQUESTS_PER_ACCOUNT")
            .Answers(400, "A field is invalid. The message names it.")
            .Answers(401, "The key is missing, malformed or unknown.")
            .Answers(413, "The request is larger than 64 KB.")
            .Answers(415, "The body is not declared as JSON (Content-Type: application/json).")
            .Answers(429, "Rate limited: " + Busy);
        api.MapV2Codes();
        api.MapV2Links();
        api.MapV2Jwts();
        api.MapV2Accounts();
    }

    /// <summary>Describes what else a request for a mail may be answered.</summary>
    internal static RouteHandlerBuilder AnswersMail(this RouteHandlerBuilder endpoint) => endpoint
        .Answers(429, "The address has received too many messages (LIMIT_SENDS_PER_ADDRESS), or " + Busy)
        .Answers(502, "The email could not be sent, so the code and the link are invalid. The portal's log has the reason.");

    private static async Task<IResult> ReadyAsync(Stores stores)
    {
        await Task.WhenAll(stores.Otp.PingAsync(), stores.Auth.PingAsync());
        return TypedResults.Text("");
    }
}
