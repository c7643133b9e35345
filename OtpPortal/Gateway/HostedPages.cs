using System.Diagnostics;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;

namespace OtpPortal.Gateway;

/// <summary>
/// The forms of the hosted pages, <c>/otp/{namespace}/{id}</c> and <c>…/address</c>. Whoever knows the address of a page may use it: it
/// needs no cookie, so that it also works in a frame and on a second device.
/// </summary>
public static class HostedPages
{
    public static void MapHostedPages(this IEndpointRouteBuilder routes)
    {
        // Before the pages of the same addresses, which take posts as well.
        var forms = routes.MapGroup("/otp/{namespace}/{id}").WithMetadata(new RequireStoreAttribute()).WithOrder(-1);
        forms.MapPost("", SubmitAsync);
        forms.MapPost("/address", SetAddressAsync);
    }

    /// <summary>
    /// Lets EMBED_ORIGINS frame the hosted pages, also where they end in an error page: a browser that refuses the frame shows nothing that
    /// a user could make sense of.
    /// </summary>
    public static void UseHostedPageFrames(this IApplicationBuilder app)
    {
        var settings = app.ApplicationServices.GetRequiredService<GatewaySettings>();
        app.Use((context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/otp", StringComparison.Ordinal))
            {
                SecurityHeaders.AllowFraming(context.Response, settings.EmbedOrigins);
                // Whatever page answers, it is shown in the same way.
                context.RequestServices.GetRequiredService<PageStatus>().Query = PageView.Of(context.Request, settings).Query;
            }
            return next(context);
        });
    }

    /// <summary>Headers of a hosted page, and how it is shown.</summary>
    internal static PageView Prepare(HttpContext context, GatewaySettings settings)
    {
        context.Response.Headers.CacheControl = "no-store";
        return PageView.Of(context.Request, settings);
    }

    internal static async Task<Verification?> FindAsync(VerificationFlow flow, GatewaySettings settings, string owner, string id) =>
        settings.Find(owner) is not null && VerificationId.IsValid(id) ? await flow.FindAsync(owner, id) : null;

    /// <summary>What the page calls the provider's addresses, in the visitor's language.</summary>
    internal static string AddressNameOf(IStringLocalizer texts, Provider? provider) => provider?.Channel switch
    {
        null => "",
        Channel.Email or Channel.Mailbox => texts["AddressKindEmail"],
        Channel.Sms or Channel.WhatsApp => texts["AddressKindPhone"],
        _ => provider.AddressName,
    };

    internal static Guest GuestOf(HttpContext context) => new(ClientAddress.Of(context), ClientAddress.LimitKey(context));

    /// <summary>What was typed as the code it is meant to be; null when it cannot be one, and then no try is spent on it.</summary>
    internal static string? Normalize(string typed, Verification verification)
    {
        var code = verification.CodeIsDigits
            ? TypedCode.Normalize(typed, verification.CodeLength)
            : typed.Length == verification.CodeLength ? typed : typed.Trim();
        return code?.Length == verification.CodeLength ? code : null;
    }

    internal static string MalformedText(IStringLocalizer texts, Verification verification) =>
        texts[verification.CodeIsDigits ? "CodeMalformed" : "CodeMalformedText", verification.CodeLength];

    /// <summary>Why nothing was sent, in words; null when it was.</summary>
    internal static string? Refusal(IStringLocalizer texts, PageSendOutcome outcome, Provider? provider) =>
        Reason(texts, outcome, provider)?.Value;

    private static LocalizedString? Reason(IStringLocalizer texts, PageSendOutcome outcome, Provider? provider) => outcome switch
    {
        PageSendOutcome.Wait(var wait) => texts["WaitBeforeSending", DurationTexts.Wait(texts, wait)],
        PageSendOutcome.NoneLeft => texts["NoSendingsLeft"],
        PageSendOutcome.NotSent => texts[NotSentText(provider)],
        PageSendOutcome.InvalidAddress => texts["AddressRefused"],
        _ => null,
    };

    private static string NotSentText(Provider? provider) =>
        provider?.Channel is Channel.Email or Channel.Mailbox ? "MessageNotSent" : "CodeNotSent";

    private static async Task<IResult> SubmitAsync(
        HttpContext context, string @namespace, VerificationFlow flow, GatewaySettings settings, Providers providers)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        if (VerificationId.Of(context) is not { } id) return PageErrors.Page(context, StatusCodes.Status404NotFound);
        var page = VerificationId.PageOf(@namespace, id);
        var view = PageView.Of(context.Request, settings);
        if (settings.Find(@namespace) is not { } owner || await FindAsync(flow, settings, @namespace, id) is not { } verification)
            return PlainForm.SeeOther(context, page + view.Query);

        if (form["action"] == "resend")
        {
            var guest = GuestOf(context);
            return await flow.SendAgainAsync(owner, id, guest.Ip, guest.LimitKey, context.RequestAborted) switch
            {
                PageSendOutcome.Wait(var wait) =>
                    PageErrors.Page(context, StatusCodes.Status429TooManyRequests, page, "WaitBeforeSending", wait: wait),
                PageSendOutcome.NoneLeft => PageErrors.Page(context, StatusCodes.Status429TooManyRequests, page, "NoSendingsLeft"),
                PageSendOutcome.NotSent => PageErrors.Page(
                    context, StatusCodes.Status502BadGateway, page, NotSentText(providers.Find(verification.Provider))),
                _ => PlainForm.SeeOther(context, page + view.Query),
            };
        }
        // otpgateway's own page posts nothing else when it only wants to be drawn.
        var asksForNothing = string.IsNullOrEmpty(form["action"]) && string.IsNullOrEmpty(form["otp"]);
        if (asksForNothing) return PlainForm.SeeOther(context, page + view.Query);
        if (Normalize(form["otp"].ToString(), verification) is not { } code)
        {
            return PageErrors.Page(context, StatusCodes.Status400BadRequest, page, verification.CodeIsDigits
                ? "CodeMalformed" : "CodeMalformedText", argument: verification.CodeLength);
        }
        // Right, wrong or over: the page tells from the state alone, and a reload posts nothing again.
        await flow.CheckAsync(owner, id, code, keep: true, ClientAddress.Of(context));
        return PlainForm.SeeOther(context, page + view.Query);
    }

    private static async Task<IResult> SetAddressAsync(
        HttpContext context, string @namespace, VerificationFlow flow, GatewaySettings settings, Providers providers)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        if (VerificationId.Of(context) is not { } id) return PageErrors.Page(context, StatusCodes.Status404NotFound);
        var page = VerificationId.PageOf(@namespace, id);
        var view = PageView.Of(context.Request, settings);
        if (settings.Find(@namespace) is not { } owner) return PlainForm.SeeOther(context, page + view.Query);
        var typed = form["to"].ToString();
        var shown = typed.Length <= EmailAddress.MaxLength ? typed : typed[..EmailAddress.MaxLength];
        var guest = GuestOf(context);
        switch (await flow.SetAddressAsync(owner, id, typed, guest.Ip, guest.LimitKey, context.RequestAborted))
        {
            case PageSendOutcome.Sent or PageSendOutcome.Ended:
                return PlainForm.SeeOther(context, page + view.Query);
            case PageSendOutcome.InvalidAddress:
                return PageErrors.Page(context, StatusCodes.Status400BadRequest, page + "/address", typed.Trim().Length == 0
                    ? "AddressNeeded" : "AddressRefused", shown);
            case PageSendOutcome.Wait(var wait):
                return PageErrors.Page(context, StatusCodes.Status429TooManyRequests, page + "/address", "WaitBeforeSending", shown, wait);
            case PageSendOutcome.NotSent:
                var provider = (await FindAsync(flow, settings, @namespace, id))?.Provider;
                return PageErrors.Page(
                    context, StatusCodes.Status502BadGateway, page, NotSentText(provider is null ? null : providers.Find(provider)));
            default:
                throw new UnreachableException();
        }
    }
}
