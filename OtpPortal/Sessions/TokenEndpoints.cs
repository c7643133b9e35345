using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Primitives;
using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Security;

namespace OtpPortal.Sessions;

/// <summary>Tokens for other programs: <c>/check-auth</c> and <c>/auth-tokens</c>.</summary>
public static partial class TokenEndpoints
{
    private const int MaxPage = 1000;
    private static readonly IdnMapping s_idn = new();
    private static readonly string[] s_addressHeaders = ["Remote-User", "Remote-Email", "X-Auth-Request-User", "X-Auth-Request-Email"];
    private static readonly string[] s_unknownHeaders = ["Remote-Name", "Remote-Groups", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username"];

    public static WebApplicationBuilder AddTokens(this WebApplicationBuilder builder)
    {
        builder.AddSettings<TokenSettings>();
        builder.Services.AddSingleton<AuthToken>();
        builder.Services.AddSingleton<TokenStore>();
        builder.Services.AddSingleton<TokenCookie>();
        builder.Services.AddHostedService<SessionSweeper>();
        return builder;
    }

    public static void MapTokens(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/check-auth", ["GET", "HEAD"], CheckAsync);
        routes.MapForwardAuth();
        routes.MapMethods("/auth-tokens", ["GET", "HEAD"], ListAsync);
        routes.MapDelete("/auth-tokens", RevokeAllAsync).WithCredentialsInHeader();
        routes.MapDelete("/auth-tokens/{id}", RevokeAsync).WithCredentialsInHeader();
    }

    /// <summary>
    /// Uses the token of a request: the bearer token (RFC 6750) if there is one, else a live token after any other scheme, else the cookie's.
    /// Other schemes are for clients of the Flask portal, which never looked at the scheme. Returns null if there is no live token.
    /// </summary>
    internal static async Task<LiveToken?> UseAsync(HttpRequest request, TokenCookie cookie, Func<string?, Task<LiveToken?>> use)
    {
        var (scheme, credentials) = AuthorizationOf(request);
        if (credentials.Length > 0 && await use(credentials) is { } token) return token;
        return scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) ? null : await cookie.UseAsync(request, use);
    }

    /// <summary>Tells the app behind a proxy who is signed in, in both families of header names that are in use.</summary>
    internal static void WriteIdentity(HttpResponse response, string email)
    {
        foreach (var name in s_addressHeaders) response.Headers[name] = email;
        // Unknown, but present: a proxy that copies these headers overwrites what the client sent under the same names.
        foreach (var name in s_unknownHeaders) response.Headers[name] = "";
    }

    private static async Task<IResult> CheckAsync(HttpContext context, TokenStore store, TokenCookie cookie)
    {
        context.Response.Headers.CacheControl = "no-store";
        if (await UseAsync(context.Request, cookie, store.UseAndRotateAsync) is not { } token)
        {
            return Results.Text("Forbidden", statusCode: StatusCodes.Status403Forbidden);
        }
        cookie.Write(context.Response, token);
        WriteIdentity(context.Response, token.Email);
        return Results.Json(new CheckedToken(token.Token, token.Email, (long)token.ExpiresIn.TotalSeconds), TokenJson.Default.CheckedToken);
    }

    private static async Task ListAsync(HttpContext context, TokenStore store, AuthSecret secret, SecretGuard guard, AuditLog audit)
    {
        if (!await AdmitAsync(context, secret, guard, audit)) return;
        var query = context.Request.Query;
        var email = Single(query["email"]) is { } asked ? AsKept(asked) : null;
        var details = Single(query["details"])?.ToUpperInvariant() is "TRUE" or "1";

        if (query.ContainsKey("limit") || query.ContainsKey("cursor"))
        {
            var limit = MaxPage;
            if (query.ContainsKey("limit")
                && !(int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaxPage))
            {
                await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "invalid_limit", $"limit must be a whole number from 1 to {MaxPage}.");
                return;
            }
            if (await store.PageAsync(email, limit, Single(query["cursor"])) is not { } page)
            {
                await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "invalid_cursor", "cursor must be the X-Next-Cursor of an earlier answer.");
                return;
            }
            if (page.Next is not null) context.Response.Headers["X-Next-Cursor"] = page.Next;
            await WriteAsync(context, page.Sessions.ToAsyncEnumerable(), details);
            return;
        }
        await WriteAsync(context, store.ListAsync(email), details);
    }

    private static async Task RevokeAsync(HttpContext context, string id, TokenStore store, AuthSecret secret, SecretGuard guard, AuditLog audit)
    {
        if (!await AdmitAsync(context, secret, guard, audit)) return;
        var session = await store.FindAsync(id);
        if (await store.RevokeAsync(id))
        {
            audit.WriteByAdmin(AuditEvent.Revoked, session?.Email, ClientAddress.Of(context), "sessions:1", "key");
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        else await Problem.WriteAsync(context, StatusCodes.Status404NotFound, "not_found", "There is no live session with this id.");
    }

    private static async Task RevokeAllAsync(HttpContext context, TokenStore store, AuthSecret secret, SecretGuard guard, AuditLog audit)
    {
        if (!await AdmitAsync(context, secret, guard, audit)) return;
        if (Single(context.Request.Query["email"])?.Trim() is not { Length: > 0 } email)
        {
            await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "invalid_email", "email is needed: the address whose sessions shall end.");
            return;
        }
        email = AsKept(email);
        var count = await store.RevokeAllAsync(email);
        if (count > 0) audit.WriteByAdmin(AuditEvent.Revoked, email, ClientAddress.Of(context), $"sessions:{count}", "key");
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>True for whoever brings AUTH_SECRET_KEY; everybody else has had their answer.</summary>
    internal static async Task<bool> AdmitAsync(HttpContext context, AuthSecret secret, SecretGuard guard, AuditLog audit)
    {
        context.Response.Headers.CacheControl = "no-store";
        var matches = secret.Matches(AuthorizationOf(context.Request).Credentials);
        switch (await guard.JudgeAsync(SecretKind.OperatorKey, matches, ClientAddress.LimitKey(context)))
        {
            case SecretOutcome.Accepted:
                return true;
            case SecretOutcome.Limited(var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                await Problem.WriteAsync(context, StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many wrong keys from this address.");
                return false;
            default:
                audit.Write(AuditEvent.AdminRefused, null, ClientAddress.Of(context), "wrong_key");
                await Problem.WriteAsync(context, StatusCodes.Status403Forbidden, "forbidden", "Authorization: Bearer AUTH_SECRET_KEY is needed.");
                return false;
        }
    }

    // Streamed session by session, so that a list of any length takes the same memory.
    private static async Task WriteAsync(HttpContext context, IAsyncEnumerable<Session> sessions, bool details)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        if (details)
        {
            await JsonSerializer.SerializeAsync(context.Response.Body, sessions.Select(SessionDetails.Of), TokenJson.Default.IAsyncEnumerableSessionDetails, context.RequestAborted);
        }
        else
        {
            await JsonSerializer.SerializeAsync(context.Response.Body, sessions.Select(session => session.Token), TokenJson.Default.IAsyncEnumerableString, context.RequestAborted);
        }
    }

    private static (string Scheme, string Credentials) AuthorizationOf(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        var blank = header.IndexOf(' ', StringComparison.Ordinal);
        return blank < 0 ? ("", "") : (header[..blank], header[blank..].Trim());
    }

    // An address in the form that sessions keep it in: lower case, with the domain in ASCII. What cannot be one finds no session.
    private static string AsKept(string email)
    {
        email = email.Trim().ToLowerInvariant();
        var domain = email.LastIndexOf('@') + 1;
        try
        {
            return domain > 0 && domain < email.Length ? (email[..domain] + s_idn.GetAscii(email[domain..])).ToLowerInvariant() : email;
        }
        catch (ArgumentException)
        {
            return email;
        }
    }

    private static string? Single(StringValues values) => values.Count > 0 ? values[0] : null;

    internal sealed record CheckedToken(
        [property: JsonPropertyName("auth_token")] string AuthToken,
        [property: JsonPropertyName("email")] string Email,
        [property: JsonPropertyName("expires_in")] long ExpiresIn);

    internal sealed record SessionDetails(
        [property: JsonPropertyName("id")] string Id,
        [property: JsonPropertyName("email")] string Email,
        [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt,
        [property: JsonPropertyName("last_seen_at")] DateTimeOffset LastSeenAt,
        [property: JsonPropertyName("expires_at")] DateTimeOffset ExpiresAt,
        [property: JsonPropertyName("ip")] string Ip,
        [property: JsonPropertyName("user_agent")] string UserAgent,
        [property: JsonPropertyName("auth_token")] string AuthToken)
    {
        public static SessionDetails Of(Session session) => new(
            session.Id, session.Email, session.CreatedAt, session.LastSeenAt, session.ExpiresAt, session.Ip, session.UserAgent, session.Token);
    }

    [JsonSerializable(typeof(CheckedToken))]
    [JsonSerializable(typeof(IAsyncEnumerable<SessionDetails>))]
    [JsonSerializable(typeof(IAsyncEnumerable<string>))]
    internal sealed partial class TokenJson : JsonSerializerContext;
}
