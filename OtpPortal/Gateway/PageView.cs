using OtpPortal.Components.Localization;

namespace OtpPortal.Gateway;

/// <summary>
/// The view of a hosted page: in its own tab, or in a frame of the caller's page, whose origin is notified of the success.
/// </summary>
/// <param name="IsPopup">Whether the page is framed: <c>?view=popup</c>, or the browser reports it.</param>
/// <param name="Origin">
/// The framing origin, from <c>?origin=</c> or else from <c>Referer</c>, if EMBED_ORIGINS contains it. Messages are sent only
/// to this origin.
/// </param>
/// <param name="Query">The query that the page's forms and redirects preserve.</param>
public sealed record PageView(bool IsPopup, string? Origin, string Query)
{
    internal static PageView Of(HttpRequest request, GatewaySettings settings)
    {
        if (request.Query["view"] != "popup" && request.Headers["Sec-Fetch-Dest"] != "iframe") return new PageView(false, null, "");
        // otpgateway's own script sends no origin, but the browser reports the framing page.
        var asked = request.Query.TryGetValue("origin", out var named) ? named.ToString()
            : Uri.TryCreate(request.Headers.Referer, UriKind.Absolute, out var referrer) ? referrer.GetLeftPart(UriPartial.Authority)
            : "";
        var origin = settings.EmbedOrigins.FirstOrDefault(known => string.Equals(known, asked, StringComparison.OrdinalIgnoreCase));
        return new PageView(
            true, origin,
            "?view=popup" + (origin is null ? "" : "&origin=" + Uri.EscapeDataString(origin))
                + (LanguageServices.ChosenInAddress(request) is { } language ? "&lang=" + language : ""));
    }
}

/// <summary>The client of a hosted page.</summary>
public sealed record HostedPageClient(string Ip, string LimitKey);
