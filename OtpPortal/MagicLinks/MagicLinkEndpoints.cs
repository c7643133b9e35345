using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.MagicLinks;

/// <summary>The API of service accounts, in magiclinksdev's wire format: <c>/api/v2/…</c>; and the page that its links open.</summary>
public static class MagicLinkEndpoints
{
    internal const int MaxBody = 64 * 1024;
    private const string Root = "/api/v2";

    public static WebApplicationBuilder AddMagicLinks(this WebApplicationBuilder builder)
    {
        builder.AddSettings<MagicLinkSettings>();
        builder.Services.AddSingleton<ServiceAccounts>();
        builder.Services.AddSingleton<AccountCodes>();
        builder.Services.AddSingleton<AccountMail>();
        builder.Services.AddSingleton<MagicLinkStore>();
        builder.Services.AddSingleton<Requests>();
        builder.Services.AddSingleton<V2Mailing>();
        builder.Services.AddSingleton(new ApiErrorWriter(Root, V2Results.WriteAsync));
        builder.Services.AddScheme<ServiceAccountHandler>(ServiceAccountHandler.SchemeName);
        return builder;
    }

    public static void MapMagicLinks(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods(Root + "/ready", ["GET", "HEAD"], ReadyAsync).NoStore().WithMetadata(new RequireStoreAttribute());
        routes.MapServiceAccounts();
        routes.MapMagicLinkPage();

        var api = routes.MapGroup(Root)
            .RequireAuthorization(ServiceAccountHandler.SchemeName).WithCredentialsInHeader()
            .MaxBody(MaxBody).NoStore().WithMetadata(new RequireStoreAttribute());
        api.MapV2Codes();
        api.MapV2Links();
        api.MapV2Jwts();
        api.MapV2Accounts();
    }

    private static async Task<IResult> ReadyAsync(Stores stores)
    {
        await Task.WhenAll(stores.Otp.PingAsync(), stores.Auth.PingAsync());
        return TypedResults.Text("");
    }
}
