using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;
using OtpPortal.Delivery;
using OtpPortal.Auditing;
using OtpPortal.Jwt;
using OtpPortal.Limits;
using OtpPortal.Configuration;
using OtpPortal.Storage;
using OtpPortal.Sessions;
using OtpPortal.Http;
using OtpPortal.Security;

namespace OtpPortal.MagicLinks;

/// <summary>The API of service accounts, in magiclinksdev's wire format: <c>/api/v2/…</c>; and the page that its links lead to.</summary>
public static partial class MagicLinkEndpoints
{
    private const string Root = "/api/v2";
    private const int MaxBody = 64 * 1024;

    public static WebApplicationBuilder AddMagicLinks(this WebApplicationBuilder builder)
    {
        builder.AddSettings<MagicLinkSettings>();
        builder.Services.AddSingleton<ServiceAccounts>();
        builder.Services.AddSingleton<AccountGuard>();
        builder.Services.AddSingleton<AccountCodes>();
        builder.Services.AddSingleton<AccountMail>();
        builder.Services.AddSingleton<MagicLinkStore>();
        builder.Services.AddSingleton<Requests>();
        builder.Services.AddSingleton(new ErrorForm(Root, FailAsync));
        return builder;
    }

    public static void MapMagicLinks(this IEndpointRouteBuilder routes)
    {
        var operations = new Dictionary<string, Func<Call, Task>>(StringComparer.Ordinal)
        {
            ["/admin/service-account/create"] = CreateAccountAsync,
            ["/jwt/create"] = CreateJwtAsync,
            ["/jwt/validate"] = ValidateJwtAsync,
            ["/magic-link/create"] = CreateLinkAsync,
            ["/magic-link-email/create"] = CreateLinkMailAsync,
            ["/otp/create"] = CreateCodeAsync,
            ["/otp/validate"] = ValidateCodeAsync,
            ["/otp-email/create"] = CreateCodeMailAsync,
        };
        routes.MapMethods(Root + "/ready", ["GET", "HEAD"], Answer(ReadyAsync));
        foreach (var (path, operation) in operations)
        {
            routes.MapPost(Root + path, Answer(context => CallAsync(context, operation))).WithCredentialsInHeader();
        }
        // Routes take paths in any case, so what is told of a method does, too.
        var methods = operations.Keys.ToDictionary(path => Root + path, _ => "POST", StringComparer.OrdinalIgnoreCase);
        methods[Root + "/ready"] = methods[JwtEndpoints.KeysPath] = "GET, HEAD";
        // Nothing of the API is answered in another form, not even what is not there.
        routes.Map(Root + "/{**rest}", Answer(context => NothingAsync(context, methods)))
            .WithOrder(int.MaxValue).ExcludeFromDescription().WithCredentialsInHeader();

        // Not of the API that is taken over, but of the operator: by AUTH_SECRET_KEY, as the sessions.
        routes.MapMethods("/service-accounts", ["GET", "HEAD"], ListAccountsAsync);
        routes.MapDelete("/service-accounts/{id}", RemoveAccountAsync).WithCredentialsInHeader();

        // Before the page of the same address, which takes posts as well.
        routes.MapPost(MagicLinkStore.Path, UseLinkAsync).WithOrder(-1);
    }

    private static async Task ReadyAsync(HttpContext context)
    {
        var stores = context.RequestServices.GetRequiredService<Stores>();
        await Task.WhenAll(stores.Otp.PingAsync(), stores.Auth.PingAsync());
        context.Response.ContentType = "text/plain; charset=utf-8";
    }

    private static Task NothingAsync(HttpContext context, Dictionary<string, string> methods)
    {
        if (!methods.TryGetValue(context.Request.Path.ToString().TrimEnd('/'), out var allowed)) return FailAsync(context, StatusCodes.Status404NotFound, "There is nothing at this address.");
        // RFC 9110, 15.5.6.
        context.Response.Headers.Allow = allowed;
        return FailAsync(context, StatusCodes.Status405MethodNotAllowed, $"This address takes {allowed}.");
    }

    private static async Task ListAccountsAsync(HttpContext context, ServiceAccounts accounts, AuthSecret secret, SecretGuard guard, AuditLog audit)
    {
        if (await TokenEndpoints.AdmitAsync(context, secret, guard, audit)) await context.Response.WriteAsJsonAsync(await accounts.ListAsync(), context.RequestAborted);
    }

    private static async Task RemoveAccountAsync(HttpContext context, string id, ServiceAccounts accounts, AuthSecret secret, SecretGuard guard, AuditLog audit)
    {
        if (!await TokenEndpoints.AdmitAsync(context, secret, guard, audit)) return;
        if (ServiceAccounts.TryParseUuid(id, out var account) && await accounts.RemoveAsync(account))
        {
            audit.WriteByAdmin(AuditEvent.AccountRemoved, null, ClientAddress.Of(context), account.ToString(), "key");
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        else await Problem.WriteAsync(context, StatusCodes.Status404NotFound, "not_found", "There is no service account with this id; that of V2_ADMIN_ACCOUNT goes with the setting.");
    }

    private static async Task CreateAccountAsync(Call call)
    {
        if (!call.Account.IsAdmin)
        {
            await FailAsync(call.Context, StatusCodes.Status403Forbidden, "Only an administrator's account may create accounts.");
            return;
        }
        var (name, hosts) = Requests.Account(call.Fields.Object("serviceAccountCreateParams", required: false));
        if (await ComplainAsync(call)) return;
        var made = await call.Get<ServiceAccounts>().CreateAsync(name, hosts);
        call.Get<AuditLog>().WriteByAdmin(AuditEvent.AccountCreated, null, ClientAddress.Of(call.Context), made.Account.Id.ToString(), call.Account.Id.ToString());
        await call.SucceedAsync(
            StatusCodes.Status201Created,
            new V2Json.AccountAnswer(new(new(made.Account.Id, made.Key, made.Account.Audience, made.Account.IsAdmin)), call.Metadata), V2Json.Json.AccountAnswer);
    }

    private static async Task CreateJwtAsync(Call call)
    {
        var wish = call.Get<Requests>().Jwt(call.Fields.Object("jwtCreateParams"));
        if (await ComplainAsync(call)) return;
        using var claims = JsonDocument.Parse(wish.Claims);
        var jwt = await call.Get<Jwts>().MakeAsync(wish.Algorithm, call.Account.Audience, wish.Lifetime, subject: null, claims.RootElement);
        await call.SucceedAsync(StatusCodes.Status201Created, new V2Json.JwtAnswer(new(jwt), call.Metadata), V2Json.Json.JwtAnswer);
    }

    private static async Task ValidateJwtAsync(Call call)
    {
        var jwt = call.Fields.Object("jwtValidateParams").Text("jwt", 1, MaxBody);
        if (await ComplainAsync(call)) return;
        switch (await call.Get<Jwts>().VerifyAsync(jwt, call.Account.Audience))
        {
            case JwtOutcome.Good(var claims):
                await call.SucceedAsync(StatusCodes.Status200OK, new V2Json.ClaimsAnswer(new(claims), call.Metadata), V2Json.Json.ClaimsAnswer);
                break;
            case JwtOutcome.Bad(var reason):
                await FailAsync(call.Context, StatusCodes.Status422UnprocessableEntity, $"The JWT is not valid: {reason}.");
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static async Task CreateLinkAsync(Call call)
    {
        var wish = call.Get<Requests>().Link(call.Fields.Object("magicLinkCreateParams"), call.Account);
        if (await ComplainAsync(call)) return;
        var links = call.Get<MagicLinkStore>();
        var secret = await links.CreateAsync(call.Account, wish);
        await call.SucceedAsync(StatusCodes.Status201Created, new V2Json.LinkAnswer(new(links.AddressOf(secret), secret), call.Metadata), V2Json.Json.LinkAnswer);
    }

    private static async Task CreateLinkMailAsync(Call call)
    {
        var wish = call.Get<Requests>().Link(call.Fields.Object("magicLinkCreateParams"), call.Account);
        // An addition of ours: with it the mail has a code as well.
        var codeWish = call.Fields.Has("otpCreateParams") ? Requests.Code(call.Fields.Object("otpCreateParams")) : null;
        var mail = Requests.Mail(call.Fields.Object("magicLinkEmailCreateParams"));
        if (await ComplainAsync(call) || await LimitAsync(call, mail)) return;

        var (links, codes) = (call.Get<MagicLinkStore>(), call.Get<AccountCodes>());
        var secret = await links.CreateAsync(call.Account, wish);
        var code = codeWish is null ? null : await codes.BeginAsync(call.Account, codeWish);
        var link = links.AddressOf(secret);
        if (!await SendAsync(call, call.Get<AccountMail>().Compose(mail, link, wish.Lifetime, code)))
        {
            await links.WithdrawAsync(secret);
            if (code is not null) await codes.WithdrawAsync(call.Account, code.Id);
            return;
        }
        await call.SucceedAsync(
            StatusCodes.Status201Created,
            new V2Json.LinkMailAnswer(new(new(link, secret), code is null ? null : new(code.Id, code.Code)), call.Metadata), V2Json.Json.LinkMailAnswer);
    }

    private static async Task CreateCodeAsync(Call call)
    {
        var wish = Requests.Code(call.Fields.Object("otpCreateParams"));
        if (await ComplainAsync(call)) return;
        var code = await call.Get<AccountCodes>().BeginAsync(call.Account, wish);
        await call.SucceedAsync(StatusCodes.Status201Created, new V2Json.CodeAnswer(new(code.Id, code.Code), call.Metadata), V2Json.Json.CodeAnswer);
    }

    private static async Task CreateCodeMailAsync(Call call)
    {
        var wish = Requests.Code(call.Fields.Object("otpCreateParams"));
        var mail = Requests.Mail(call.Fields.Object("otpEmailCreateParams"));
        if (await ComplainAsync(call) || await LimitAsync(call, mail)) return;

        var codes = call.Get<AccountCodes>();
        var code = await codes.BeginAsync(call.Account, wish);
        if (!await SendAsync(call, call.Get<AccountMail>().Compose(mail, code)))
        {
            await codes.WithdrawAsync(call.Account, code.Id);
            return;
        }
        await call.SucceedAsync(StatusCodes.Status201Created, new V2Json.CodeMailAnswer(new(new(code.Id, code.Code)), call.Metadata), V2Json.Json.CodeMailAnswer);
    }

    private static async Task ValidateCodeAsync(Call call)
    {
        var fields = call.Fields.Object("otpValidateParams");
        var (id, typed) = (fields.Text("id", 1, 100), fields.Text("otp", 1, 100));
        if (await ComplainAsync(call)) return;
        if (await call.Get<AccountCodes>().TryAsync(call.Account, id, typed))
        {
            await call.SucceedAsync(StatusCodes.Status200OK, new V2Json.ValidAnswer(new(), call.Metadata), V2Json.Json.ValidAnswer);
        }
        else await FailAsync(call.Context, StatusCodes.Status400BadRequest, "The OTP is not valid.");
    }

    // The button of the page that a link opens. The secret alone counts, so it needs no cookie; a page of another site cannot press it (SameSiteCheck).
    private static async Task<IResult> UseLinkAsync(HttpContext context, MagicLinkStore links)
    {
        var form = await PlainForm.ReadAsync(context);
        if (form is null) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        return await links.UseAsync(form["secret"].ToString()) is { } address
            ? PlainForm.SeeOther(context, address)
            : PageErrors.Page(context, StatusCodes.Status410Gone, MagicLinkStore.Path);
    }

    // Any mail to anybody would make a spammer of whoever has an account: an address is written to as often as for signing in.
    private static async Task<bool> LimitAsync(Call call, MailWish mail)
    {
        if (await call.Get<SendLimits>().TakeAsync(mail.To, ClientAddress.Of(call.Context), client: null) is not { } wait) return false;
        call.Context.Response.Headers.RetryAfter = Problem.Seconds(wait);
        await FailAsync(call.Context, StatusCodes.Status429TooManyRequests, "Too many messages to this address.");
        return true;
    }

    private static async Task<bool> SendAsync(Call call, Message message)
    {
        if (await call.Get<Dispatcher>().SendAsync(call.Get<Providers>().Mail, message, call.Context.RequestAborted) is DispatchOutcome.Sent)
        {
            call.Get<Statistics>().Count(Happening.Sent);
            return true;
        }
        // What the provider said is in our log: it may name accounts and addresses that are nobody else's business.
        await FailAsync(call.Context, StatusCodes.Status502BadGateway, "The mail service did not take the message.");
        return false;
    }

    private static async Task<bool> ComplainAsync(Call call)
    {
        if (call.Fields.Problem is not { } problem) return false;
        await FailAsync(call.Context, StatusCodes.Status400BadRequest, problem);
        return true;
    }

    private static async Task CallAsync(HttpContext context, Func<Call, Task> operation)
    {
        switch (await context.RequestServices.GetRequiredService<AccountGuard>().JudgeAsync(context))
        {
            case AccountAdmission.Limited(var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                await FailAsync(context, StatusCodes.Status429TooManyRequests, "Too many unknown API keys from this address.");
                return;
            case AccountAdmission.OverQuota:
                await FailAsync(context, StatusCodes.Status429TooManyRequests, "Too many requests of this service account.");
                return;
            case AccountAdmission.Admitted(var account):
                if (await ReadAsync(context) is { } fields) await operation(new Call(context, account, fields));
                return;
            default:
                await FailAsync(context, StatusCodes.Status401Unauthorized, $"A valid API key is needed in the header {AccountGuard.Header}.");
                return;
        }
    }

    private static async Task<RequestFields?> ReadAsync(HttpContext context)
    {
        if (!context.Request.HasJsonContentType())
        {
            await FailAsync(context, StatusCodes.Status415UnsupportedMediaType, "The body must be JSON: Content-Type: application/json.");
            return null;
        }
        try
        {
            var document = await JsonDocument.ParseAsync(context.Request.Body, RequestFields.Reading, context.RequestAborted);
            context.Response.RegisterForDispose(document);
            if (JsonTexts.AreUnicode(document.RootElement)) return new RequestFields(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter comes of looking for names that stand twice, when one of them is no Unicode.
        }
        // What the reader says quotes the body, which may hold a code.
        await FailAsync(
            context, StatusCodes.Status400BadRequest,
            $"The body is not JSON that can be read: an object of at most {RequestFields.Reading.MaxDepth} levels, in UTF-8, " +
            "with no name twice and no halves of characters.");
        return null;
    }

    // Every answer in the API's own envelope, whatever goes wrong.
    private static RequestDelegate Answer(RequestDelegate handle) => async context =>
    {
        context.Response.Headers.CacheControl = "no-store";
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = MaxBody;
        try
        {
            if (context.RequestServices.GetRequiredService<Stores>().AreConnected) await handle(context);
            else await StoreAwayAsync(context);
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await FailAsync(context, e.StatusCode, e.StatusCode == StatusCodes.Status413PayloadTooLarge ? $"The request is too large: at most {MaxBody / 1024} KB." : "The request cannot be understood.");
        }
        catch (Exception e) when (StoreFailure.Is(e) && !context.Response.HasStarted)
        {
            await StoreAwayAsync(context);
        }
        catch (Exception e) when (e is not OperationCanceledException && !context.Response.HasStarted && !context.RequestServices.GetRequiredService<PortalSettings>().Debug)
        {
            Failed(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("OtpPortal.MagicLinks"), e, context.Request.Path, MetadataOf(context).Uuid);
            await FailAsync(context, StatusCodes.Status500InternalServerError, "Something went wrong on our side.");
        }
    };

    private static Task StoreAwayAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "5";
        return FailAsync(context, StatusCodes.Status503ServiceUnavailable, "Unable to reach store.");
    }

    private static Task FailAsync(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new V2Json.Failure(status, message, MetadataOf(context)), V2Json.Json.Failure, "application/json", context.RequestAborted);
    }

    // One request, one name, also in the log.
    private static V2Json.Metadata MetadataOf(HttpContext context)
    {
        if (context.Items[typeof(V2Json.Metadata)] is not V2Json.Metadata metadata) context.Items[typeof(V2Json.Metadata)] = metadata = new V2Json.Metadata(Guid.NewGuid());
        return metadata;
    }

    /// <summary>A request of an account.</summary>
    private sealed record Call(HttpContext Context, ServiceAccount Account, RequestFields Fields)
    {
        public V2Json.Metadata Metadata => MetadataOf(Context);

        public T Get<T>()
            where T : notnull => Context.RequestServices.GetRequiredService<T>();

        public Task SucceedAsync<T>(int status, T answer, JsonTypeInfo<T> type)
        {
            Context.Response.StatusCode = status;
            return Context.Response.WriteAsJsonAsync(answer, type, "application/json", Context.RequestAborted);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path} failed ({Request})")]
    private static partial void Failed(ILogger logger, Exception exception, string path, Guid request);
}
