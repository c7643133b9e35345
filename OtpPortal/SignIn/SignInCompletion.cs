using OtpPortal.Auditing;
using OtpPortal.Sessions;
using OtpPortal.Storage;

namespace OtpPortal.SignIn;

/// <summary>Completes a verified sign-in over HTTP: issues the token and its cookie, and records the event.</summary>
public sealed class SignInCompletion(
    AuthFlow flow, FlowCookie flowCookie, TokenStore tokens, TokenCookie tokenCookie, NewDeviceNotice notice, Statistics statistics,
    AuditLog audit)
{
    /// <summary>Issues the token of a verified sign-in.</summary>
    public async Task CompleteAsync(HttpContext context, string flowId, SubmitOutcome.Verified verified)
    {
        var client = SignInEndpoints.ClientOf(context);
        LiveToken token;
        try
        {
            token = await tokens.IssueAsync(verified.Email, client.Ip, client.UserAgent);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // The code is used up, but the token store is unavailable: create a ticket, so that a reload resumes from here.
            await flow.GrantTicketAsync(flowId);
            throw;
        }

        // The new cookie replaces that of the browser's earlier session, which the user could then no longer sign out of.
        if (await tokenCookie.UseAsync(context.Request, tokens.UseAsync) is { } earlier) await tokens.RevokeAsync(earlier.SessionId);
        statistics.Count(StatisticsEvent.SignedIn);
        audit.Write(AuditEvent.SignIn, verified.Email, client.Ip, "signed_in");
        await notice.RecordAsync(verified.Email, client);
        tokenCookie.Write(context.Response, token);
        flowCookie.Clear(context.Response);
        context.Response.Headers.CacheControl = "no-store";
    }
}
