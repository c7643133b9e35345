using System.Diagnostics;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;

namespace OtpPortal.Gateway;

/// <summary>
/// The forms of the hosted pages, <c>/otp/{namespace}/{id}</c> and <c>…/address</c>. The URL of a page grants access to it. No
/// cookie is needed, so that the pages also work in a frame and on a second device.
/// </summary>
public static class HostedPages
{
    public static void MapHostedPages(this IEndpointRouteBuilder routes)
    {
        // Takes precedence over the pages at the same paths, which also accept POST.
        var forms = routes.MapGroup("/otp/{namespace}/{id}").WithMetadata(new RequireStoreAttribute()).WithOrder(-1);
        forms.MapPost("", SubmitAsync);
        forms.MapPost("/address", SetAddressAsync);
    }

    /// <summary>
    /// Allows EMBED_ORIGINS to frame the hosted pages, including their error pages: if the browser refuses to show the frame,
    /// the user sees only the browser's own error.
    /// </summary>
    public static void UseHostedPageFrames(this IApplicationBuilder app)
    {
        var settings = app.ApplicationServices.GetRequiredService<GatewaySettings>();
        app.Use((context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/otp", StringComparison.Ordinal))
            {
                SecurityHeaders.AllowFraming(context.Response, settings.EmbedOrigins);
                // An error page uses the same view as the requested page.
                context.RequestServices.GetRequiredService<PageStatus>().Query = PageView.Of(context.Request, settings).Query;
            }
            return next(context);
        });
    }

    /// <summary>Sets the headers of a hosted page, and returns its view.</summary>
    internal static PageView Prepare(HttpContext context, GatewaySettings settings)
    {
        context.Response.Headers.CacheControl = "no-store";
        return PageView.Of(context.Request, settings);
    }

    internal static async Task<Verification?> FindAsync(VerificationFlow flow, GatewaySettings settings, string owner, string id) =>
        settings.Find(owner) is not null && VerificationId.IsValid(id) ? await flow.FindAsync(owner, id) : null;

    /// <summary>Returns the localized name of the provider's addresses.</summary>
    internal static string AddressNameOf(IStringLocalizer texts, Provider? provider) => provider?.Channel switch
    {
        null => "",
        Channel.Email or Channel.Mailbox => texts["AddressKindEmail"],
        Channel.Sms or Channel.WhatsApp => texts["AddressKindPhone"],
        _ => provider.AddressName,
    };

    internal static HostedPageClient ClientOf(HttpContext context) => new(ClientAddress.Of(context), ClientAddress.LimitKey(context));

    /// <summary>Normalizes a typed code. Returns null if it cannot be a code, so that it uses no attempt.</summary>
    internal static string? Normalize(string typed, Verification verification)
    {
        var code = verification.CodeIsDigits
            ? TypedCode.Normalize(typed, verification.CodeLength)
            : typed.Length == verification.CodeLength ? typed : typed.Trim();
        return code?.Length == verification.CodeLength ? code : null;
    }

    internal static string MalformedText(IStringLocalizer texts, Verification verification) =>
        texts[verification.CodeIsDigits ? "CodeMalformed" : "CodeMalformedText", verification.CodeLength];

    /// <summary>Returns the localized reason why nothing was sent, or null if it was.</summary>
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
            var client = ClientOf(context);
            return await flow.ResendCodeAsync(owner, id, client.Ip, client.LimitKey, context.RequestAborted) switch
            {
                PageSendOutcome.Wait(var wait) =>
                    PageErrors.Page(context, StatusCodes.Status429TooManyRequests, page, "WaitBeforeSending", wait: wait),
                PageSendOutcome.NoneLeft => PageErrors.Page(context, StatusCodes.Status429TooManyRequests, page, "NoSendingsLeft"),
                PageSendOutcome.NotSent => PageErrors.Page(
                    context, StatusCodes.Status502BadGateway, page, NotSentText(providers.Find(verification.Provider))),
                _ => PlainForm.SeeOther(context, page + view.Query),
            };
        }
        // otpgateway's own page posts an empty form just to show the page.
        var asksForNothing = string.IsNullOrEmpty(form["action"]) && string.IsNullOrEmpty(form["otp"]);
        if (asksForNothing) return PlainForm.SeeOther(context, page + view.Query);
        if (Normalize(form["otp"].ToString(), verification) is not { } code)
        {
            return PageErrors.Page(context, StatusCodes.Status400BadRequest, page, verification.CodeIsDigits
                ? "CodeMalformed" : "CodeMalformedText", argument: verification.CodeLength);
        }
        // The page shows the outcome from the stored state, so a reload does not post again.
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
        var client = ClientOf(context);
        switch (await flow.SetAddressAsync(owner, id, typed, client.Ip, client.LimitKey, context.RequestAborted))
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
