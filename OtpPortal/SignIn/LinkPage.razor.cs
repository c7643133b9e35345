using Microsoft.AspNetCore.Components;
using OtpPortal.Http;
using OtpPortal.Sessions;

namespace OtpPortal.SignIn;

public sealed partial class LinkPage(
    AuthFlow flow, TokenStore tokens, TokenCookie tokenCookie, SignInSettings settings, PortalSettings portal)
{
    private SignInFlow? _state;
    private LiveToken? _session;
    private bool _completedElsewhere;

    private PortalSettings Portal => portal;

    private string Token => Http.Request.Query["token"].ToString();

    [CascadingParameter]
    private HttpContext Http { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Http.Response.Headers.CacheControl = "no-store";
        if (!settings.MailLink)
        {
            Http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        _state = await flow.FindByLinkAsync(await FlowCookie.FindAsync(Http.Request, flow), Token);
        switch (_state?.Step)
        {
            case null:
                // A link of another sign-in gets the same page as a link that never existed.
                _session = await tokenCookie.UseAsync(Http.Request, tokens.UseAsync);
                _completedElsewhere = _session is null;
                break;
            case SignInStep.Verified:
                // The code has been verified; its page continues from there.
                _state = null;
                Http.Response.StatusCode = StatusCodes.Status303SeeOther;
                Http.Response.Headers.Location = "/login/code";
                break;
            case SignInStep.Locked or SignInStep.Completed or SignInStep.Ended:
                Http.Response.StatusCode = StatusCodes.Status410Gone;
                break;
            default:
                if (_state.ReturnTo is { } app) SecurityHeaders.AllowFormRedirectsTo(Http.Response, app);
                break;
        }
    }
}
