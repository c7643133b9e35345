using OtpPortal.Language;

namespace OtpPortal.Gateway;

/// <summary>How a hosted page is shown: in a tab of its own, or in a frame of the caller's page, whose origin is told of the success.</summary>
/// <param name="IsPopup">In a frame: <c>?view=popup</c>.</param>
/// <param name="Origin">The origin that frames it, when EMBED_ORIGINS names it; a message goes to it only, never to whoever happens to frame us.</param>
/// <param name="Query">What the page's forms and redirects carry on.</param>
public sealed record PageView(bool IsPopup, string? Origin, string Query)
{
    internal static PageView Of(HttpRequest request, GatewaySettings settings)
    {
        if (request.Query["view"] != "popup") return new PageView(false, null, "");
        var asked = request.Query["origin"].ToString();
        var origin = settings.EmbedOrigins.FirstOrDefault(known => string.Equals(known, asked, StringComparison.OrdinalIgnoreCase));
        return new PageView(
            true, origin,
            "?view=popup" + (origin is null ? "" : "&origin=" + Uri.EscapeDataString(origin)) + (LanguageServices.ChosenInAddress(request) is { } language ? "&lang=" + language : ""));
    }
}

/// <summary>Who opened a hosted page, as far as the network tells.</summary>
public sealed record Guest(string Ip, string LimitKey);
