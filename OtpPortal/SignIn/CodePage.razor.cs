using Microsoft.AspNetCore.Components;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;

namespace OtpPortal.SignIn;

public sealed partial class CodePage(AuthFlow flow, PortalSettings portal, MailSettings mail, PageStatus status)
{
    private string _flowId = "";
    private SignInFlow? _state;
    private string? _ticket;
    private string? _error;
    private MailSite? _inbox;
    private ClientInfo _client = null!;

    private PortalSettings Portal => portal;

    [CascadingParameter]
    private HttpContext Http { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Http.Response.Headers.CacheControl = "no-store";
        _flowId = await FlowCookie.FindAsync(Http.Request, flow) ?? "";
        var state = await flow.FindAsync(_flowId);
        // The code was verified, but the browser lost the ticket: issue a new one.
        if (state?.Step == SignInStep.Verified) _ticket = await flow.RenewTicketAsync(_flowId);
        if (state is null || !(state.Step == SignInStep.Code || _ticket is not null))
        {
            Http.Response.StatusCode = StatusCodes.Status303SeeOther;
            Http.Response.Headers.Location = "/";
            return;
        }
        _state = state;
        if (state.Channel == CodeChannel.Email)
            _inbox = mail.ShowMailbox ? new MailSite(T["MailboxTitle"], "/dev/mailbox") : MailSite.Find(state.Email);
        if (state.ReturnTo is { } app) SecurityHeaders.AllowFormRedirectsTo(Http.Response, app);
        _client = SignInEndpoints.ClientOf(Http);
        _error = DurationTexts.Reason(T, status);
    }
}
