using System.Diagnostics;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Limits.Captcha;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;

namespace OtpPortal.SignIn;

/// <summary>The sign-in endpoints: plain forms for users, JSON for API clients.</summary>
public static class SignInEndpoints
{
    internal const string AddressPath = "/";
    private const string CodePath = "/login/code";

    /// <summary>The path of the link in emails: <see cref="LinkPage"/>.</summary>
    internal const string LinkPath = "/login/link";

    public static WebApplicationBuilder AddSignIn(this WebApplicationBuilder builder)
    {
        builder.AddSettings<SignInSettings>();
        builder.Services.AddSingleton<SignInMail>();
        builder.Services.AddSingleton<FlowCookie>();
        builder.Services.AddSingleton<RedirectLoopDetector>();
        builder.Services.AddSingleton<NewDeviceNotice>();
        builder.Services.AddScoped<SignInCompletion>();
        builder.Services.AddSingleton<FlowStore>();
        builder.Services.AddSingleton<RecipientResolver>();
        builder.Services.AddSingleton<CodeSender>();
        builder.Services.AddSingleton<HandOffTickets>();
        builder.Services.AddSingleton<SignInEvents>();
        builder.Services.AddSingleton<SignInLimits>();
        builder.Services.AddScoped<AuthFlow>();
        return builder;
    }

    public static void MapSignIn(this IEndpointRouteBuilder routes)
    {
        var forms = routes.MapGroup("").WithMetadata(new RequireStoreAttribute());
        var described = forms.MapGroup("").InPortalDocument("Sign-in")
            .Answers(415, "The body is not a form.");
        described.MapPost("/login", BeginAsync).TakesForm(typeof(SignInJson.LoginForm))
            .Describe("login", "Start a sign-in", "Sends a code. Known, unknown and disallowed addresses get the same response.")
            .Answers(202, "The sign-in has started. The otp_flow cookie has its id, too.", typeof(SignInJson.SentAnswer))
            .Answers(400, "invalid_email.", typeof(SignInJson.ErrorAnswer))
            .Answers(429, "too_many_requests, or captcha_required with a ticket.", typeof(SignInJson.ErrorAnswer));
        described.MapPost("/login-otp", SubmitAsync).TakesForm(typeof(SignInJson.SubmitForm))
            .Describe(
                "submitCode", "Submit the code",
                "All codes of a sign-in share the attempts. Each attempt is counted before the code is compared.")
            .Answers(200, "The user is signed in.", typeof(SignInJson.SignedInAnswer))
            .AnswersHeader("Set-Cookie", "The token.", 200)
            .Answers(400, "invalid_code, email_mismatch or flow_mismatch.", typeof(SignInJson.ErrorAnswer))
            .Answers(401, "wrong_code.", typeof(SignInJson.ErrorAnswer))
            .Answers(410, "expired.", typeof(SignInJson.ErrorAnswer))
            .Answers(429, "too_many_attempts.", typeof(SignInJson.ErrorAnswer));
        described.MapPost("/login/resend", ResendCodeAsync).TakesForm(typeof(SignInJson.FlowForm))
            .Describe("resendCode", "Send another code", "Earlier codes stay valid.")
            .Answers(202, "Another code was sent.", typeof(SignInJson.SentAnswer))
            .Answers(400, "flow_mismatch.", typeof(SignInJson.ErrorAnswer))
            .Answers(410, "expired.", typeof(SignInJson.ErrorAnswer))
            .Answers(429, "too_many_requests: the cooldown has not passed, or no messages are left.", typeof(SignInJson.ErrorAnswer));
        forms.MapSignOut();
        // Takes precedence over the page at the same path, which also accepts POST.
        forms.MapPost(LinkPath, SubmitLinkAsync).WithOrder(-1);
        forms.MapPost("/login/finish", FinishAsync);
    }

    /// <summary>Returns the client that sent the request, for limits and the session list.</summary>
    internal static ClientInfo ClientOf(HttpContext context)
    {
        var agent = context.Request.Headers.UserAgent.ToString();
        return new ClientInfo(ClientAddress.Of(context), ClientAddress.LimitKey(context), agent.Length <= 400 ? agent : agent[..400]);
    }

    private static async Task<IResult> BeginAsync(HttpContext context, AuthFlow flow, FlowCookie cookie, CaptchaSettings captcha)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var typed = form["email"].ToString();
        var returnTo = form["return_to"].ToString() is { Length: > 0 } hidden ? hidden : FlowCookie.ReadReturn(context.Request);
        var response = captcha.Service is { } service ? form[service.Provider.ResponseField].ToString() : null;
        switch (await flow.BeginAsync(
            typed, ClientOf(context), returnTo, new Proof(response, form[CaptchaWidget.TicketField].ToString()), ChannelOf(form)))
        {
            case BeginOutcome.Begun(var flowId, var expiresIn, var resendIn):
                cookie.Write(context.Response, flowId);
                cookie.ClearReturn(context.Request, context.Response);
                return Problem.WantsJson(context.Request)
                    ? Sent(context, flowId, expiresIn, resendIn)
                    : PlainForm.SeeOther(context, CodePath);
            case BeginOutcome.InvalidAddress:
                return Problem.WantsJson(context.Request)
                    ? Error(StatusCodes.Status400BadRequest, "invalid_email")
                    : PageErrors.Page(context, StatusCodes.Status400BadRequest, AddressPath, typed.Trim().Length == 0
                        ? "AddressMissing" : "AddressInvalid", Shown(typed));
            case BeginOutcome.Limited(var wait):
                return Limited(context, wait, AddressPath, Shown(typed));
            case BeginOutcome.ProofNeeded(var wait, var ticket, var lack):
                if (!Problem.WantsJson(context.Request))
                    return PageErrors.ProofPage(context, AddressPath, "Proof" + lack, Shown(typed), wait, ticket);
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                return Results.Json(
                    new SignInJson.ErrorAnswer("captcha_required", Ticket: ticket), statusCode: StatusCodes.Status429TooManyRequests);
            default:
                throw new UnreachableException();
        }
    }

    private static async Task<IResult> SubmitAsync(HttpContext context, AuthFlow flow, CodeSettings settings, SignInCompletion completion)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var json = Problem.WantsJson(context.Request);
        var (matches, flowId) = await FlowCookie.FindAsync(context.Request, form, flow);
        if (!matches) return FlowMismatch(context);

        if (form["email"].ToString() is { Length: > 0 } typedAddress && await flow.FindAsync(flowId) is { } state
            && !(EmailAddress.TryParse(typedAddress, out var address) && address.Value == state.Email))
        {
            return json ? Error(StatusCodes.Status400BadRequest, "email_mismatch")
                : PageErrors.Page(context, StatusCodes.Status400BadRequest, CodePath, "AddressMismatch");
        }

        switch (await flow.SubmitAsync(flowId, form["code"].ToString(), ClientOf(context)))
        {
            case SubmitOutcome.Verified verified:
                return await CompleteAsync(context, completion, flowId!, verified);
            case SubmitOutcome.Wrong(var left):
                return json
                    ? Results.Json(new SignInJson.ErrorAnswer("wrong_code", left), statusCode: StatusCodes.Status401Unauthorized)
                    : PlainForm.SeeOther(context, CodePath);
            case SubmitOutcome.Malformed:
                return json ? Error(StatusCodes.Status400BadRequest, "invalid_code")
                    : PageErrors.Page(context, StatusCodes.Status400BadRequest, CodePath, "CodeMalformed", argument: settings.CodeLength);
            case SubmitOutcome.Locked:
                return json ? Error(StatusCodes.Status429TooManyRequests, "too_many_attempts") : PlainForm.SeeOther(context, CodePath);
            case SubmitOutcome.Expired:
                return json ? Error(StatusCodes.Status410Gone, "expired") : PlainForm.SeeOther(context, CodePath);
            default:
                throw new UnreachableException();
        }
    }

    private static async Task<IResult> SubmitLinkAsync(
        HttpContext context, AuthFlow flow, SignInSettings settings, SignInCompletion completion)
    {
        if (!settings.MailLink) return PageErrors.Page(context, StatusCodes.Status404NotFound);
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var json = Problem.WantsJson(context.Request);
        var flowId = await FlowCookie.FindAsync(context.Request, flow);
        switch (await flow.SubmitLinkAsync(flowId, form["token"].ToString(), ClientOf(context)))
        {
            case SubmitOutcome.Verified verified:
                return await CompleteAsync(context, completion, flowId!, verified);
            case SubmitOutcome.CompletedElsewhere:
                return json ? Error(StatusCodes.Status403Forbidden, "wrong_browser")
                    : PageErrors.Page(context, StatusCodes.Status403Forbidden, LinkPath);
            case SubmitOutcome.Locked:
                return json ? Error(StatusCodes.Status429TooManyRequests, "too_many_attempts") : PlainForm.SeeOther(context, CodePath);
            case SubmitOutcome.Expired:
                return json ? Error(StatusCodes.Status410Gone, "expired") : PlainForm.SeeOther(context, CodePath);
            default:
                throw new UnreachableException();
        }
    }

    private static async Task<IResult> ResendCodeAsync(HttpContext context, AuthFlow flow)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var json = Problem.WantsJson(context.Request);
        var (matches, flowId) = await FlowCookie.FindAsync(context.Request, form, flow);
        if (!matches) return FlowMismatch(context);
        switch (await flow.ResendCodeAsync(flowId, ClientOf(context)))
        {
            case ResendCodeOutcome.Sent(var expiresIn, var resendIn):
                return json ? Sent(context, flowId!, expiresIn, resendIn) : PlainForm.SeeOther(context, CodePath);
            case ResendCodeOutcome.Wait(var wait):
                return Limited(context, wait, CodePath, null);
            case ResendCodeOutcome.NoneLeft(var wait):
                return Limited(context, wait, CodePath, null, "NoSendsLeft");
            case ResendCodeOutcome.Expired:
                return json ? Error(StatusCodes.Status410Gone, "expired") : PlainForm.SeeOther(context, CodePath);
            default:
                throw new UnreachableException();
        }
    }

    private static async Task<IResult> FinishAsync(HttpContext context, AuthFlow flow, SignInCompletion completion)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        var flowId = await FlowCookie.FindAsync(context.Request, flow);
        return await flow.RedeemAsync(flowId, form["ticket"].ToString()) is SubmitOutcome.Verified verified
            ? await CompleteAsync(context, completion, flowId!, verified)
            : PlainForm.SeeOther(context, CodePath);
    }

    private static async Task<IResult> CompleteAsync(
        HttpContext context, SignInCompletion completion, string flowId, SubmitOutcome.Verified verified)
    {
        await completion.CompleteAsync(context, flowId, verified);
        return Problem.WantsJson(context.Request)
            ? Results.Json(new SignInJson.SignedInAnswer(verified.Email))
            : PlainForm.SeeOther(context, verified.ReturnTo ?? AddressPath);
    }

    private static CodeChannel? ChannelOf(IFormCollection form) => form["channel"].ToString() switch
    {
        "sms" => CodeChannel.Sms,
        "email" => CodeChannel.Email,
        _ => null,
    };

    private static IResult Limited(HttpContext context, TimeSpan wait, string page, string? typed, string reason = "WaitBeforeSending")
    {
        if (!Problem.WantsJson(context.Request))
            return PageErrors.Page(context, StatusCodes.Status429TooManyRequests, page, reason, typed, wait);
        context.Response.Headers.RetryAfter = Problem.Seconds(wait);
        return Error(StatusCodes.Status429TooManyRequests, "too_many_requests");
    }

    private static IResult FlowMismatch(HttpContext context) =>
        Problem.WantsJson(context.Request)
            ? Error(StatusCodes.Status400BadRequest, "flow_mismatch")
            : PageErrors.Page(context, StatusCodes.Status400BadRequest);

    private static IResult Sent(HttpContext context, string flowId, TimeSpan expiresIn, TimeSpan resendIn)
    {
        // The sign-in's id is a secret of the client that began it.
        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(new SignInJson.SentAnswer(flowId, (int)expiresIn.TotalSeconds, (int)resendIn.TotalSeconds),
            statusCode: StatusCodes.Status202Accepted);
    }

    private static IResult Error(int status, string error) => Results.Json(new SignInJson.ErrorAnswer(error), statusCode: status);

    private static string Shown(string typed) => typed.Length <= 254 ? typed : typed[..254];
}
