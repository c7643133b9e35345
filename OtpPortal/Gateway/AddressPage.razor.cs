using Microsoft.AspNetCore.Components;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;

namespace OtpPortal.Gateway;

public sealed partial class AddressPage(
    VerificationFlow flow, Providers providers, GatewaySettings settings, PortalSettings portal, PageStatus status)
{
    private bool _ended;
    private Provider? _provider;
    private string _id = "";
    private string _address = "";
    private string _kind = "text";
    private string _description = "";
    private string? _error;
    private PageView _view = null!;

    [Parameter]
    public string Namespace { get; set; } = "";

    /// <summary>The id as decoded by the router. Use <see cref="VerificationId.Of"/> to get the actual id.</summary>
    [Parameter]
    public string Id { get; set; } = "";

    private PortalSettings Portal => portal;

    private PageStatus Status => status;

    [CascadingParameter]
    private HttpContext Http { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        _view = HostedPages.Prepare(Http, settings);
        _id = VerificationId.Of(Http) ?? "";
        switch (await HostedPages.FindAsync(flow, settings, Namespace, _id))
        {
            case { To: "", Closed: false, Locked: false } verification when providers.Find(verification.Provider) is { } provider:
                _provider = provider;
                _address = HostedPages.AddressNameOf(T, provider);
                _description = verification.AddressDescription;
                _kind = provider.Channel switch
                {
                    Channel.Email or Channel.Mailbox => "email",
                    Channel.Sms or Channel.WhatsApp => "tel",
                    _ => "text",
                };
                _error = DurationTexts.Reason(T, status);
                break;
            case { To.Length: > 0 }:
                Http.Response.StatusCode = StatusCodes.Status303SeeOther;
                Http.Response.Headers.Location = VerificationId.PageOf(Namespace, _id) + _view.Query;
                break;
            default:
                _ended = true;
                Http.Response.StatusCode = StatusCodes.Status410Gone;
                break;
        }
    }
}
