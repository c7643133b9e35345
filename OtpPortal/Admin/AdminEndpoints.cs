using System.Diagnostics;
using System.Globalization;
using OtpPortal.Auditing;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Limits;
using OtpPortal.MagicLinks;
using OtpPortal.Security;
using OtpPortal.Sessions;

namespace OtpPortal.Admin;

/// <summary>The endpoints of the administration: <c>/admin</c> and below.</summary>
public static class AdminEndpoints
{
    internal const string StartPath = "/admin";
    internal const string SessionsPath = "/admin/sessions";
    internal const string UserPath = "/admin/user";
    internal const string AuditPath = "/admin/audit";
    internal const string CheckPath = "/admin/check";
    internal const string AccountsPath = "/admin/accounts";

    private static readonly char[] s_hostSeparators = [',', ' ', '\t', '\r', '\n'];

    public static WebApplicationBuilder AddAdmin(this WebApplicationBuilder builder)
    {
        builder.AddSettings<AdminSettings>();
        builder.Services.AddSingleton<AdminSessionStore>();
        builder.Services.AddSingleton<AdminCookie>();
        builder.Services.AddSingleton<AdminAccess>();
        builder.Services.AddScheme<AdminSessionHandler>(AdminSessionHandler.SchemeName);
        builder.Services.AddSingleton<TestMessage>();
        builder.Services.AddSingleton<DiagnosticsRunner>();
        builder.Services.AddSingleton<DeliveryCheck>();
        builder.Services.AddSingleton<NewAccountNotice>();
        builder.Services.AddSingleton<ProductionCheck>();
        return builder;
    }

    public static void MapAdmin(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/admin/login", SignInAsync);
        routes.MapPost("/admin/logout", SignOutAsync);

        var admin = routes.MapGroup("/admin").RequireAuthorization(AdminSessionHandler.SchemeName);
        admin.MapGet("/audit.jsonl", ExportAsync);
        admin.MapPost("/check/message", SendTestAsync);
        admin.MapPost("/user/revoke", RevokeUserAsync);
        // Takes precedence over the page at the same path, which also accepts POST.
        admin.MapPost("/accounts", CreateAccountAsync).WithOrder(-1);
        admin.MapPost("/accounts/remove", RemoveAccountAsync);
    }

    private static async Task<IResult> SignInAsync(
        HttpContext context, AuthSecret secret, SecretGuard guard, AdminSessionStore sessions, AdminCookie cookie, AuditLog audit)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var key = form["key"].ToString();
        if (key.Length == 0) return PageErrors.Page(context, StatusCodes.Status400BadRequest, StartPath, "AdminKeyMissing");

        switch (await guard.CheckAsync(SecretKind.AdminPage, secret.Matches(key), ClientAddress.LimitKey(context)))
        {
            case SecretOutcome.Accepted:
                // The new cookie replaces that of the earlier session, which could then no longer be signed out of.
                foreach (var earlier in AdminCookie.Read(context.Request)) await sessions.EndAsync(AdminSessionStore.NameOf(earlier));
                cookie.Write(context.Response, await sessions.BeginAsync());
                audit.WriteByAdmin(AuditEvent.AdminAccess, null, ClientAddress.Of(context), "admitted", "key");
                return PlainForm.SeeOther(context, StartPath);
            case SecretOutcome.Refused:
                audit.Write(AuditEvent.AdminRefused, null, ClientAddress.Of(context), "wrong_key");
                return PageErrors.Page(context, StatusCodes.Status403Forbidden, StartPath, "AdminKeyWrong");
            case SecretOutcome.Limited(var wait):
                return PageErrors.Page(context, StatusCodes.Status429TooManyRequests, StartPath, "AdminWait", wait: wait);
            default:
                throw new UnreachableException();
        }
    }

    private static async Task<IResult> SignOutAsync(HttpContext context, AdminSessionStore sessions, AdminCookie cookie, AuditLog audit)
    {
        foreach (var name in AdminCookie.Read(context.Request).Select(AdminSessionStore.NameOf))
        {
            if (await sessions.IsLiveAsync(name))
                audit.WriteByAdmin(AuditEvent.AdminLeft, null, ClientAddress.Of(context), "signed_out", "key");
            await sessions.EndAsync(name);
        }
        cookie.Clear(context.Response);
        context.Response.Headers["Clear-Site-Data"] = "\"cache\"";
        return PlainForm.SeeOther(context, StartPath);
    }

    [Download]
    private static async Task<IResult> ExportAsync(HttpContext context, AdminSession session, AuditLog audit)
    {
        var query = AuditQuery.Read(context.Request.Query);
        if (query.Invalid.Count > 0)
        {
            return Problem.Result(
                StatusCodes.Status400BadRequest, "invalid_filter",
                $"Invalid: {string.Join(", ", query.Invalid)}. event is a name of the log such as sign_in; from and until are UTC times "
                    + "such as 2026-11-20T18:30.");
        }
        var lines = await audit.ExportAsync(query.Filter);
        audit.WriteByAdmin(AuditEvent.AdminAccess, null, session.Ip, "audit_exported", session.By);
        context.Response.Headers.ContentDisposition = "attachment; filename=\"audit.jsonl\"";
        return TypedResults.Stream(
            async body =>
            {
                await using var writer = new StreamWriter(body);
                foreach (var line in lines) await writer.WriteAsync(line + '\n');
            },
            "application/jsonl; charset=utf-8");
    }

    private static async Task<IResult> RevokeUserAsync(HttpContext context, AdminSession session, TokenStore tokens, AuditLog audit)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        if (!EmailAddress.TryParse(form["email"].ToString(), out var email))
            return PageErrors.Page(context, StatusCodes.Status400BadRequest, UserPath, "AddressInvalid");
        var count = await tokens.RevokeAllAsync(email.Value);
        if (count > 0)
        {
            audit.WriteByAdmin(
                AuditEvent.Revoked, email.Value, session.Ip, string.Create(CultureInfo.InvariantCulture, $"sessions:{count}"), session.By);
        }
        return PlainForm.SeeOther(context, UserPage.UrlOf(email.Value));
    }

    private static async Task<IResult> SendTestAsync(HttpContext context, AdminSession session, Providers providers, TestMessage test)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var typed = form["email"].ToString();
        var shown = typed.Length <= EmailAddress.MaxLength ? typed : typed[..EmailAddress.MaxLength];
        var provider = form["provider"].ToString() is { Length: > 0 } name ? providers.Find(name) : providers.Mail;
        if (provider is null) return PageErrors.Page(context, StatusCodes.Status400BadRequest);
        if (!provider.TryNormalize(typed, out var address))
        {
            var reason = provider.Channel == Channel.Email || provider == providers.Mail
                ? typed.Trim().Length == 0 ? "AddressMissing" : "AddressInvalid" : "TestMessageInvalid";
            return PageErrors.Page(context, StatusCodes.Status400BadRequest, CheckPath, reason, shown, argument: provider.AddressName);
        }
        return await test.SendAsync(provider, address, session, ClientAddress.LimitKey(context)) is { } wait
            ? PageErrors.Page(context, StatusCodes.Status429TooManyRequests, CheckPath, "WaitBeforeSending", shown, wait)
            : PlainForm.SeeOther(context, CheckPath + "#message");
    }

    private static async Task<IResult> CreateAccountAsync(
        HttpContext context, AdminSession session, ServiceAccounts accounts, NewAccountNotice notice, AuditLog audit)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var name = form["name"].ToString().Trim();
        if (name.Length is 0 or > ServiceAccounts.MaxNameLength || name.Any(char.IsControl))
        {
            return PageErrors.Page(
                context, StatusCodes.Status400BadRequest, AccountsPath, "AccountsNameInvalid", argument: ServiceAccounts.MaxNameLength);
        }
        var hosts = form["hosts"].ToString().Split(s_hostSeparators, StringSplitOptions.RemoveEmptyEntries);
        if (hosts.Length > ServiceAccounts.MaxHosts || hosts.Any(host => !SafeRedirects.IsEntry(host)))
        {
            return PageErrors.Page(
                context, StatusCodes.Status400BadRequest, AccountsPath, "AccountsHostsInvalid", argument: ServiceAccounts.MaxHosts);
        }
        var made = await accounts.CreateAsync(name, hosts);
        audit.WriteByAdmin(AuditEvent.AccountCreated, null, session.Ip, made.Account.Id.ToString(), session.By);
        await notice.KeepAsync(session, name, made);
        return PlainForm.SeeOther(context, AccountsPath);
    }

    // An account that is already gone is not an error: another administrator may have removed it, or the form was posted twice.
    private static async Task<IResult> RemoveAccountAsync(
        HttpContext context, AdminSession session, ServiceAccounts accounts, AuditLog audit)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        if (!Guid.TryParseExact(form["id"].ToString(), "D", out var id)) return PageErrors.Page(context, StatusCodes.Status400BadRequest);
        if (await accounts.RemoveAsync(id)) audit.WriteByAdmin(AuditEvent.AccountRemoved, null, session.Ip, id.ToString(), session.By);
        return PlainForm.SeeOther(context, AccountsPath);
    }
}
