using OtpPortal.Auditing;
using OtpPortal.Sessions;
using OtpPortal.Http;

namespace OtpPortal.Admin;

/// <summary>Why somebody was admitted: what pages hand to circuits in place of a cookie. It opens nothing by itself.</summary>
/// <param name="Ip">Where from, for the audit log.</param>
public abstract record AdminPass(string Ip)
{
    /// <summary>What the audit log calls them.</summary>
    public abstract string By { get; }

    /// <summary>The name of their session.</summary>
    public abstract string Visit { get; }

    /// <summary>By the secret key: a session of its own.</summary>
    /// <param name="Session">Its name in the store.</param>
    public sealed record ByKey(string Session, string Ip) : AdminPass(Ip)
    {
        public override string By => "key";

        public override string Visit => Session;
    }

    /// <summary>A signed-in user whose address is one of ADMIN_EMAILS.</summary>
    public sealed record ByAddress(string SessionId, string Email, string Ip) : AdminPass(Ip)
    {
        public override string By => MaskedAddress.Of(Email);

        public override string Visit => SessionId;
    }
}

/// <summary>Decides who may see and do what the administration offers: for pages, endpoints and circuits alike.</summary>
public sealed class AdminPolicy(AdminSettings settings, AdminSessions sessions, TokenStore tokens, TokenCookie tokenCookie, AuditLog audit)
{
    /// <summary>Judges a request, and uses the session that it came with. Null when it may not.</summary>
    public async Task<AdminPass?> AdmitAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        var ip = ClientAddress.Of(context);
        foreach (var name in AdminCookie.Read(context.Request).Select(AdminSessions.NameOf))
        {
            if (await sessions.UseAsync(name)) return new AdminPass.ByKey(name, ip);
        }
        if (settings.Emails.Count > 0 && await tokenCookie.UseAsync(context.Request, tokens.UseAsync) is { } token && settings.Admits(token.Email))
        {
            var pass = new AdminPass.ByAddress(token.SessionId, token.Email, ip);
            audit.WriteVisit(ip, pass.By, token.SessionId);
            return pass;
        }
        return null;
    }

    /// <summary>As <see cref="AdmitAsync"/>, for a page: who may not see it is sent to where the key is asked for.</summary>
    public async Task<AdminPass?> AdmitToPageAsync(HttpContext context)
    {
        var pass = await AdmitAsync(context);
        if (pass is null)
        {
            context.Response.StatusCode = StatusCodes.Status303SeeOther;
            context.Response.Headers.Location = AdminEndpoints.StartPath;
        }
        return pass;
    }

    /// <summary>Whether a pass is still good. It keeps no session alive: a page that merely stays open times out like any other.</summary>
    public async Task<bool> HoldsAsync(AdminPass pass) => pass switch
    {
        AdminPass.ByKey key => await sessions.IsLiveAsync(key.Session),
        AdminPass.ByAddress user => settings.Admits(user.Email) && (await tokens.FindAsync(user.SessionId))?.Email == user.Email,
        _ => false,
    };

    /// <summary>As <see cref="HoldsAsync"/>, for something that the administrator does: it keeps the session alive.</summary>
    public async Task<bool> UseAsync(AdminPass pass) => pass is AdminPass.ByKey key ? await sessions.UseAsync(key.Session) : await HoldsAsync(pass);
}
