using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Components;
using OtpPortal.Components.Localization;
using OtpPortal.Http;
using OtpPortal.Sessions;

namespace OtpPortal.SignIn;

public sealed partial class StartPage(
    AuthFlow flow, FlowCookie flowCookie, TokenCookie tokenCookie, RedirectLoopDetector loops, SignInSettings settings,
    PortalSettings portal, PageStatus status)
{
    private LiveToken? _session;
    private bool _redirected;
    private bool _openFlow;
    private bool _completed;
    private RedirectLoopCause? _loop;
    private string? _notice;
    private string? _returnTo;
    private string? _error;

    private PortalSettings Portal => portal;

    private SignInSettings Settings => settings;

    private PageStatus Status => status;

    [CascadingParameter]
    private HttpContext Http { get; set; } = null!;

    protected override async Task OnInitializedAsync()
    {
        Http.Response.Headers.CacheControl = "no-store";
        var asked = Http.Request.Query["return_to"].ToString();
        _returnTo = portal.Redirects.Allows(asked) ? asked : null;

        // After a rejected form the address page is shown even to a signed-in user.
        if (tokenCookie.Read(Http.Request).Count > 0 && status.Code == 0)
        {
            _session = (await Http.AuthenticateAsync(PortalTokenHandler.SchemeName)).Principal?.Identity is PortalIdentity user
                ? user.Token
                : null;
            if (_session is null) tokenCookie.Clear(Http.Response);
            else if (_returnTo is not null)
            {
                _loop = loops.Count(Http, _returnTo);
                if (_loop is null) SeeOther(_returnTo);
            }
            if (_session is not null) return;
        }

        StoreReturnTo();
        if (status.Code == 0) await DescribeFlowAsync();
        _error = DurationTexts.Reason(T, status);
    }

    // The flow does not exist before the address is submitted. The form carries the target; the cookie is for clients that post
    // without it.
    private void StoreReturnTo()
    {
        if (_returnTo is not null) flowCookie.WriteReturn(Http.Response, _returnTo);
        else if (status.Code == 0) flowCookie.ClearReturn(Http.Request, Http.Response);
        else if (FlowCookie.ReadReturn(Http.Request) is { } kept && portal.Redirects.Allows(kept)) _returnTo = kept;
    }

    private async Task DescribeFlowAsync()
    {
        if (await flow.FindAsync(await FlowCookie.FindAsync(Http.Request, flow)) is not { } state) return;
        // Another tab has just signed in. This browser may not have its cookie yet, so look again before asking for an address.
        _completed = state.Step == SignInStep.Completed;
        if (_completed) Http.Response.Headers["Refresh"] = "1; url=/";
        _openFlow = state.Step is SignInStep.Code or SignInStep.Verified;
        _notice = state.Step switch
        {
            SignInStep.Locked => "NoticeLocked",
            SignInStep.Ended => "NoticeExpired",
            _ => null,
        };
        // Shown once.
        if (_notice is not null || _completed) flowCookie.Clear(Http.Response);
    }

    private void SeeOther(string location)
    {
        _redirected = true;
        _session = null;
        Http.Response.StatusCode = StatusCodes.Status303SeeOther;
        Http.Response.Headers.Location = location;
    }
}
