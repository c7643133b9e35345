using OtpPortal.Components.Localization;

namespace OtpPortal.Gateway;

/// <summary>
/// How a hosted page is shown: in a tab of its own, or in a frame of the caller's page, whose origin is told of the success.
/// </summary>
/// <param name="IsPopup">In a frame: <c>?view=popup</c>, or the browser says so.</param>
/// <param name="Origin">
/// The origin that frames it, from <c>?origin=</c> or else from <c>Referer</c>, when EMBED_ORIGINS names it. A message goes to it only.
/// </param>
/// <param name="Query">What the page's forms and redirects carry on.</param>
public sealed record PageView(bool IsPopup, string? Origin, string Query)
{
    internal static PageView Of(HttpRequest request, GatewaySettings settings)
    {
        if (request.Query["view"] != "popup" && request.Headers["Sec-Fetch-Dest"] != "iframe") return new PageView(false, null, "");
        // otpgateway's own script names no origin. The browser names the page that opened the frame.
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

/// <summary>Who opened a hosted page, as far as the network tells.</summary>
public sealed record Guest(string Ip, string LimitKey);
