using Microsoft.AspNetCore.Components;
using OtpPortal.Http;

namespace OtpPortal.Components.Layout;

/// <summary>The layout of pages for users: the brand, a card with the page, and the choice of a language.</summary>
public sealed partial class CardLayout(PortalSettings portal)
{
    private bool _isPopup;

    [CascadingParameter]
    private HttpContext? Http { get; set; }

    private string? State => _isPopup ? "portal-popup" : portal.BackgroundUrl is null ? null : "portal-on-image";

    private string? Background => !_isPopup && portal.BackgroundUrl is { } image
        ? $"--portal-background: url(\"{image.AbsoluteUri.Replace("\"", "%22", StringComparison.Ordinal)}\")"
        : null;

    protected override void OnInitialized() => _isPopup = Http?.Request.Query["view"].ToString() == "popup";
}
