namespace OtpPortal.MagicLinks;

/// <summary><c>/api/v2/otp/…</c> and <c>/api/v2/otp-email/…</c>: one-time codes.</summary>
internal static class V2Codes
{
    public static void MapV2Codes(this IEndpointRouteBuilder api)
    {
        api.MapPost("/otp/create", CreateAsync);
        api.MapPost("/otp/validate", ValidateAsync);
        api.MapPost("/otp-email/create", CreateMailAsync);
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

    private static async Task<IResult> CreateMailAsync(HttpContext context, V2Request request, AccountCodes codes, AccountMail composer, V2Mailing mailing)
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
