using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>
/// <c>/api/v2/magic-link/…</c> and <c>/api/v2/magic-link-email/…</c>: magic links, and the button of the page that they open.
/// </summary>
internal static class V2Links
{
    public static void MapV2Links(this IEndpointRouteBuilder api)
    {
        api.MapPost("/magic-link/create", CreateAsync).TakesJson(typeof(V2Bodies.LinkRequest))
            .Describe("createMagicLink", "Create a magic link", "For a message that you send yourself.")
            .Answers(201, "The link.", typeof(V2Json.LinkAnswer));
        api.MapPost("/magic-link-email/create", CreateMailAsync).TakesJson(typeof(V2Bodies.LinkMailRequest))
            .Describe(
                "mailMagicLink", "Create a magic link and send it by email",
                "With otpCreateParams, the email also has a code, for users who read it on another device. "
                    + "The email is in the language of Accept-Language, around your own texts.")
            .Answers(201, "The email was sent.", typeof(V2Json.LinkMailAnswer)).AnswersMail();
    }

    // Before the page of the same address, which takes posts as well.
    public static void MapMagicLinkPage(this IEndpointRouteBuilder routes) => routes.MapPost(MagicLinkStore.Path, UseAsync).WithOrder(-1);

    private static async Task<IResult> CreateAsync(V2Request request, Requests reader, MagicLinkStore links)
    {
        var wish = reader.Link(request.Fields.Object("magicLinkCreateParams"), request.Account);
        if (request.Refusal is { } refusal) return refusal;
        var secret = await links.CreateAsync(request.Account, wish);
        return V2Results.Created(new V2Json.LinkAnswer(new(links.AddressOf(secret), secret), request.Metadata), V2Json.Json.LinkAnswer);
    }

    private static async Task<IResult> CreateMailAsync(
        HttpContext context, V2Request request, Requests reader, MagicLinkStore links, AccountCodes codes, AccountMail composer,
        V2Mailing mailing)
    {
        var wish = reader.Link(request.Fields.Object("magicLinkCreateParams"), request.Account);
        // An addition of the portal: with it, the mail has a code as well.
        var codeWish = request.Fields.Has("otpCreateParams") ? Requests.Code(request.Fields.Object("otpCreateParams")) : null;
        var mail = Requests.Mail(request.Fields.Object("magicLinkEmailCreateParams"));
        if ((request.Refusal ?? await mailing.LimitAsync(context, request, mail)) is { } refusal) return refusal;

        var secret = await links.CreateAsync(request.Account, wish);
        var code = codeWish is null ? null : await codes.BeginAsync(request.Account, codeWish);
        var link = links.AddressOf(secret);
        if (await mailing.SendAsync(context, request, composer.Compose(mail, link, wish.Lifetime, code)) is { } notSent)
        {
            await links.WithdrawAsync(secret);
            if (code is not null) await codes.WithdrawAsync(request.Account, code.Id);
            return notSent;
        }
        return V2Results.Created(
            new V2Json.LinkMailAnswer(new(new(link, secret), code is null ? null : new(code.Id, code.Code)), request.Metadata),
            V2Json.Json.LinkMailAnswer);
    }

    // The secret alone counts, so it needs no cookie; a page of another site cannot press the button (SameSiteCheck).
    private static async Task<IResult> UseAsync(HttpContext context, MagicLinkStore links)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        return await links.UseAsync(form["secret"].ToString()) is { } address
            ? PlainForm.SeeOther(context, address)
            : PageErrors.Page(context, StatusCodes.Status410Gone, MagicLinkStore.Path);
    }
}
