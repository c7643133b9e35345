using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary><c>/api/v2/otp/…</c> and <c>/api/v2/otp-email/…</c>: one-time codes.</summary>
internal static class V2Codes
{
    public static void MapV2Codes(this IEndpointRouteBuilder api)
    {
        api.MapPost("/otp/create", CreateAsync).TakesJson(typeof(V2Bodies.CodeRequest))
            .Describe(
                "createOtp", "Create a code", "For a message that you send yourself. Only the account that created a code can validate it.")
            .Answers(201, "The code and its id.", typeof(V2Json.CodeAnswer));
        api.MapPost("/otp/validate", ValidateAsync).TakesJson(typeof(V2Bodies.ValidateRequest))
            .Describe("validateOtp", "Check a code", "Each attempt is counted before the code is compared. The correct code succeeds once.")
            .Answers(200, "The code is correct. It cannot be used again.", typeof(V2Json.ValidAnswer))
            .Answers(
                400,
                "The code is incorrect, used, expired, unknown or from another account, or a field is invalid; "
                    + "the message names the field.");
        api.MapPost("/otp-email/create", CreateMailAsync).TakesJson(typeof(V2Bodies.CodeMailRequest))
            .Describe(
                "mailOtp", "Create a code and send it by email", "The email is in the language of Accept-Language, around your own texts.")
            .Answers(201, "The email was sent.", typeof(V2Json.CodeMailAnswer)).AnswersMail();
    }

    private static async Task<IResult> CreateAsync(V2Request request, AccountCodes codes)
    {
        var wish = Requests.Code(request.Fields.Object("otpCreateParams"));
        if (request.Refusal is { } refusal) return refusal;
        var code = await codes.BeginAsync(request.Account, wish);
        return V2Results.Created(new V2Json.CodeAnswer(new(code.Id, code.Code), request.Metadata), V2Json.Json.CodeAnswer);
    }

    private static async Task<IResult> ValidateAsync(V2Request request, AccountCodes codes)
    {
        var fields = request.Fields.Object("otpValidateParams");
        var (id, typed) = (fields.Text("id", 1, 100), fields.Text("otp", 1, 100));
        if (request.Refusal is { } refusal) return refusal;
        return await codes.TryAsync(request.Account, id, typed)
            ? V2Results.Ok(new V2Json.ValidAnswer(new(), request.Metadata), V2Json.Json.ValidAnswer)
            : request.Failure(StatusCodes.Status400BadRequest, "The OTP is not valid.");
    }

    private static async Task<IResult> CreateMailAsync(
        HttpContext context, V2Request request, AccountCodes codes, AccountMail composer, V2Mailing mailing)
    {
        var wish = Requests.Code(request.Fields.Object("otpCreateParams"));
        var mail = Requests.Mail(request.Fields.Object("otpEmailCreateParams"));
        if ((request.Refusal ?? await mailing.LimitAsync(context, request, mail)) is { } refusal) return refusal;

        var code = await codes.BeginAsync(request.Account, wish);
        if (await mailing.SendAsync(context, request, composer.Compose(mail, code)) is { } notSent)
        {
            await codes.WithdrawAsync(request.Account, code.Id);
            return notSent;
        }
        return V2Results.Created(new V2Json.CodeMailAnswer(new(new(code.Id, code.Code)), request.Metadata), V2Json.Json.CodeMailAnswer);
    }
}
