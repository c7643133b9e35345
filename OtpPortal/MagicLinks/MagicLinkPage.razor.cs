using Microsoft.AspNetCore.Components;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

public sealed partial class MagicLinkPage(MagicLinkStore links, PortalSettings portal, PageStatus status)
{
    private OpenLink? _link;
    private string _secret = "";

    private PortalSettings Portal => portal;

    [CascadingParameter]
    private HttpContext Http { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Http.Response.Headers.CacheControl = "no-store";
        _secret = Http.Request.Query["secret"].ToString();
        // After a rejected post only the error is shown.
        if (status.Code == 0) _link = await links.FindAsync(_secret);
        if (_link is null)
        {
            if (status.Code == 0) Http.Response.StatusCode = StatusCodes.Status410Gone;
            return;
        }
        SecurityHeaders.AllowFormRedirectsTo(Http.Response, _link.RedirectUrl);
    }
}
