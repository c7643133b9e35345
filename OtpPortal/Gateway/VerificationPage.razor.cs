using Microsoft.AspNetCore.Components;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;

namespace OtpPortal.Gateway;

public sealed partial class VerificationPage(
    VerificationFlow flow, Providers providers, GatewaySettings settings, PortalSettings portal, PageStatus status)
{
    private Verification? _verification;
    private bool _ended;
    private bool _done;
    private string _id = "";
    private string _address = "";
    private string? _prefilled;
    private string? _error;
    private PageView _view = null!;
    private HostedPageClient _client = null!;

    [Parameter]
    public string Namespace { get; set; } = "";

    /// <summary>The id as decoded by the router. Use <see cref="VerificationId.Of"/> to get the actual id.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    private PortalSettings Portal => portal;

    private string Title => _verification switch
    {
        { Closed: true } => T["VerificationDoneTitle"],
        { Locked: true } => T["VerificationLockedTitle"],
        _ => T["VerifyTitle", _address],
    };

    [CascadingParameter]
    private HttpContext Http { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        _view = HostedPages.Prepare(Http, settings);
        _id = VerificationId.Of(Http) ?? "";
        _verification = await HostedPages.FindAsync(flow, settings, Namespace, _id);
        if (_verification is null && await flow.FindRecentlyVerifiedAsync(Namespace, _id) is { } provider)
        {
            _done = true;
            _address = HostedPages.AddressNameOf(T, providers.Find(provider));
            return;
        }
        if (_verification is null)
        {
            _ended = true;
            Http.Response.StatusCode = StatusCodes.Status410Gone;
            return;
        }
        if (_verification is { To: "", Closed: false, Locked: false })
        {
            Http.Response.StatusCode = StatusCodes.Status303SeeOther;
            Http.Response.Headers.Location = VerificationId.PageOf(Namespace, _id) + "/address" + _view.Query;
            _verification = null;
            return;
        }
        _address = HostedPages.AddressNameOf(T, providers.Find(_verification.Provider));
        _client = HostedPages.ClientOf(Http);
        // From the link in the message. It is only filled in, because mail scanners open every link.
        if (Http.Request.Query["otp"].ToString() is { Length: > 0 and <= 64 } code) _prefilled = code;
        _error = DurationTexts.Reason(T, status);
    }
}
