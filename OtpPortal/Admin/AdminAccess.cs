using System.Security.Claims;
using OtpPortal.Auditing;
using OtpPortal.Http;
using OtpPortal.Sessions;

namespace OtpPortal.Admin;

/// <summary>
/// An administrator's session, which pages pass to circuits in place of a cookie. It grants no access by itself.
/// </summary>
/// <param name="Ip">The client's address, for the audit log.</param>
public abstract record AdminSession(string Ip)
{
    /// <summary>Gets the administrator's name in the audit log.</summary>
    public abstract string By { get; }

    /// <summary>Gets the session's name.</summary>
    public abstract string Visit { get; }

    /// <summary>
    /// Binds the session to a parameter of an endpoint that requires <see cref="AdminSessionHandler"/>'s scheme.
    /// </summary>
    public static ValueTask<AdminSession> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context.User)!);

    /// <summary>Returns the session of an authenticated request, or null.</summary>
    public static AdminSession? Of(ClaimsPrincipal? user) => (user?.Identity as AdminIdentity)?.Session;

    /// <summary>A session started with AUTH_SECRET_KEY.</summary>
    /// <param name="Session">The session's name in the store.</param>
    public sealed record ByKey(string Session, string Ip) : AdminSession(Ip)
    {
        public override string By => "key";

        public override string Visit => Session;
    }

    /// <summary>The session of a signed-in user whose address is in ADMIN_EMAILS.</summary>
    public sealed record ByAddress(string SessionId, string Email, string Ip) : AdminSession(Ip)
    {
        public override string By => MaskedAddress.Of(Email);

        public override string Visit => SessionId;
    }
}

/// <summary>Controls access to the administration, for requests and circuits.</summary>
public sealed class AdminAccess(
    AdminSettings settings, AdminSessionStore sessions, TokenStore tokens, TokenCookie tokenCookie, AuditLog audit)
{
    /// <summary>Finds the session of a request and extends it. Returns null if the request has none.</summary>
    public async Task<AdminSession?> AuthenticateAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        var ip = ClientAddress.Of(context);
        foreach (var name in AdminCookie.Read(context.Request).Select(AdminSessionStore.NameOf))
        {
            if (await sessions.UseAsync(name)) return new AdminSession.ByKey(name, ip);
        }
        if (settings.Emails.Count > 0 && await tokenCookie.UseAsync(context.Request, tokens.UseAsync) is { } token
            && settings.Admits(token.Email))
        {
            var session = new AdminSession.ByAddress(token.SessionId, token.Email, ip);
            audit.WriteVisit(ip, session.By, token.SessionId);
            return session;
        }
        return null;
    }

    /// <summary>Returns whether a session is live, without extending it, so that a page left open times out.</summary>
    public async Task<bool> IsValidAsync(AdminSession session) => session switch
    {
        AdminSession.ByKey key => await sessions.IsLiveAsync(key.Session),
        AdminSession.ByAddress user => settings.Admits(user.Email) && (await tokens.FindAsync(user.SessionId))?.Email == user.Email,
        _ => false,
    };

    /// <summary>Returns whether a session is live, and extends it. For actions of the administrator.</summary>
    public async Task<bool> UseAsync(AdminSession session) =>
        session is AdminSession.ByKey key ? await sessions.UseAsync(key.Session) : await IsValidAsync(session);
}
