using OtpPortal.Auditing;
using OtpPortal.Sessions;
using OtpPortal.Storage;

namespace OtpPortal.SignIn;

/// <summary>What follows on a right code, over HTTP: the token and its cookie, and everything that is told of it.</summary>
public sealed class SignInCompletion(
    AuthFlow flow, FlowCookie flowCookie, TokenStore tokens, TokenCookie tokenCookie, NewDeviceNotice notice, Statistics statistics,
    AuditLog audit)
{
    /// <summary>Issues the token of a success that this caller was told of.</summary>
    public async Task CompleteAsync(HttpContext context, string flowId, SubmitOutcome.Verified verified)
    {
        var visitor = SignInEndpoints.VisitorOf(context);
        LiveToken token;
        try
        {
            token = await tokens.IssueAsync(verified.Email, visitor.Ip, visitor.UserAgent);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // The code was right and is used up, but the token store is away: leave a ticket, so that a reload goes on from here.
            await flow.GrantTicketAsync(flowId);
            throw;
        }

        // The browser's earlier session has just lost its cookie: it would live on with nobody to end it.
        if (await tokenCookie.UseAsync(context.Request, tokens.UseAsync) is { } earlier) await tokens.RevokeAsync(earlier.SessionId);
        statistics.Count(Happening.SignedIn);
        audit.Write(AuditEvent.SignIn, verified.Email, visitor.Ip, "signed_in");
        await notice.NoteAsync(verified.Email, visitor);
        tokenCookie.Write(context.Response, token);
        flowCookie.Clear(context.Response);
        context.Response.Headers.CacheControl = "no-store";
    }
}
