using System.ComponentModel;
using OtpPortal.Auditing;
using OtpPortal.Http;
using OtpPortal.Sessions;

namespace OtpPortal.MagicLinks;

/// <summary><c>/api/v2/admin/service-account/create</c>, and the operator's <c>/service-accounts</c>.</summary>
internal static class V2Accounts
{
    public static void MapV2Accounts(this IEndpointRouteBuilder api) => api.MapPost("/admin/service-account/create", CreateAsync)
        .TakesJson(typeof(V2Bodies.AccountRequest))
        .Describe(
            "createServiceAccount", "Create a service account",
            "For the account of V2_ADMIN_ACCOUNT only. The key is returned once; the store keeps its SHA-256. A new account is not an "
                + "administrator.")
        .Answers(201, "The account, with its key.", typeof(V2Json.AccountAnswer))
        .Answers(403, "The account of the key is not an administrator.");

    public static void MapServiceAccounts(this IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/service-accounts").RequireOperatorKey().InPortalDocument("Service accounts");
        accounts.MapMethods("", ["GET", "HEAD"], async (ServiceAccounts all) => TypedResults.Json(await all.ListAsync()))
            .Describe(
                "listServiceAccounts", "List the service accounts",
                "Oldest first, without keys and without the account of V2_ADMIN_ACCOUNT.")
            .Answers(200, "The accounts.", typeof(IEnumerable<AccountEntry>));
        accounts.MapDelete("/{id}", RemoveAsync)
            .Describe(
                "removeServiceAccount", "Remove a service account",
                "Its key, codes and links stop working on every replica. Its JWTs stay valid until they expire.")
            .Answers(204, "The account was removed.")
            .Answers(404, "The account does not exist.");
    }

    private static async Task<IResult> CreateAsync(HttpContext context, V2Request request, ServiceAccounts accounts, AuditLog audit)
    {
        if (!request.Account.IsAdmin)
        {
            return request.Failure(StatusCodes.Status403Forbidden, "Only an administrator account can create accounts.");
        }
        var (name, hosts) = Requests.Account(request.Fields.Object("serviceAccountCreateParams", required: false));
        if (request.Refusal is { } refusal) return refusal;
        var made = await accounts.CreateAsync(name, hosts);
        audit.WriteByAdmin(
            AuditEvent.AccountCreated, null, ClientAddress.Of(context), made.Account.Id.ToString(), request.Account.Id.ToString());
        return V2Results.Created(
            new V2Json.AccountAnswer(new(new(made.Account.Id, made.Key, made.Account.Audience, made.Account.IsAdmin)), request.Metadata),
            V2Json.Json.AccountAnswer);
    }

    private static async Task<IResult> RemoveAsync(
        HttpContext context, [Description("The uuid of the account.")] string id, ServiceAccounts accounts, AuditLog audit)
    {
        if (!ServiceAccounts.TryParseUuid(id, out var account) || !await accounts.RemoveAsync(account))
        {
            return Problem.Result(StatusCodes.Status404NotFound, "not_found",
                "There is no service account with this id. The account of V2_ADMIN_ACCOUNT is removed with its setting.");
        }
        audit.WriteByAdmin(AuditEvent.AccountRemoved, null, ClientAddress.Of(context), account.ToString(), "key");
        return TypedResults.NoContent();
    }
}
