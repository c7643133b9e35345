using System.Globalization;
using System.Text.Json.Serialization;
using OtpPortal.Auditing;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Storage;

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
        builder.Services.AddSingleton<SessionIndex>();
        builder.Services.AddSingleton<TokenStore>();
        builder.Services.AddSingleton<SessionList>();
        builder.Services.AddSingleton<TokenCookie>();
        builder.Services.AddHostedService<SessionCleanup>();
        builder.Services.AddScheme<PortalTokenHandler>(PortalTokenHandler.SchemeName);
        builder.Services.AddScheme<OperatorKeyHandler>(OperatorKeyHandler.SchemeName);
        return builder;
    }

    public static void MapTokens(this IEndpointRouteBuilder routes)
    {
        // Every request to an app asks here, so nothing runs but the endpoint: no languages, pages, same-site check or authorization.
        routes.MapMethods("/check-auth", ["GET", "HEAD"], CheckAsync).AddEndpointFilter<StoreUnavailableFilter>().ShortCircuit();
        routes.Map("/forward-auth", ForwardAuth.AnswerAsync).AddEndpointFilter<StoreUnavailableFilter>().ShortCircuit();

        var tokens = routes.MapGroup("/auth-tokens").RequireAuthorization(OperatorKeyHandler.SchemeName).WithCredentialsInHeader().NoStore();
        tokens.MapMethods("", ["GET", "HEAD"], ListAsync);
        tokens.MapDelete("", RevokeAllAsync);
        tokens.MapDelete("/{id}", RevokeAsync);
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
        if (await BearerToken.UseAsync(context.Request, cookie, store.UseAndRotateAsync) is not { } token)
        {
            return TypedResults.Text("Forbidden", statusCode: StatusCodes.Status403Forbidden);
        }
        cookie.Write(context.Response, token);
        WriteIdentity(context.Response, token.Email);
        return TypedResults.Json(new CheckedToken(token.Token, token.Email, (long)token.ExpiresIn.TotalSeconds), TokenJson.Default.CheckedToken);
    }

    private static async Task<IResult> ListAsync(HttpContext context, SessionList sessions, string? email, string? details, string? limit, string? cursor)
    {
        email = email is null ? null : AsKept(email);
        var withDetails = details?.ToUpperInvariant() is "TRUE" or "1";
        if (limit is null && cursor is null) return Stream(sessions.ListAsync(email), withDetails);

        var count = MaxPage;
        if (limit is not null && !(int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count is >= 1 and <= MaxPage))
        {
            return Problem.Result(StatusCodes.Status400BadRequest, "invalid_limit", $"limit must be a whole number from 1 to {MaxPage}.");
        }
        if (await sessions.PageAsync(email, count, cursor) is not { } page)
        {
            return Problem.Result(StatusCodes.Status400BadRequest, "invalid_cursor", "cursor must be the X-Next-Cursor of an earlier answer.");
        }
        if (page.Next is not null) context.Response.Headers["X-Next-Cursor"] = page.Next;
        return Stream(page.Sessions.ToAsyncEnumerable(), withDetails);
    }

    private static async Task<IResult> RevokeAsync(HttpContext context, string id, TokenStore store, AuditLog audit)
    {
        var session = await store.FindAsync(id);
        if (!await store.RevokeAsync(id)) return Problem.Result(StatusCodes.Status404NotFound, "not_found", "There is no live session with this id.");
        audit.WriteByAdmin(AuditEvent.Revoked, session?.Email, ClientAddress.Of(context), "sessions:1", "key");
        return TypedResults.NoContent();
    }

    private static async Task<IResult> RevokeAllAsync(HttpContext context, string? email, TokenStore store, AuditLog audit)
    {
        if (string.IsNullOrWhiteSpace(email)) return Problem.Result(StatusCodes.Status400BadRequest, "invalid_email", "email must be the address whose sessions are to be revoked.");
        var kept = AsKept(email);
        var count = await store.RevokeAllAsync(kept);
        if (count > 0) audit.WriteByAdmin(AuditEvent.Revoked, kept, ClientAddress.Of(context), $"sessions:{count}", "key");
        return TypedResults.NoContent();
    }

    // Streamed session by session, so that a list of any length takes the same memory.
    private static IResult Stream(IAsyncEnumerable<Session> sessions, bool details) => details
        ? TypedResults.Json(sessions.Select(SessionDetails.Of), TokenJson.Default.IAsyncEnumerableSessionDetails)
        : TypedResults.Json(sessions.Select(session => session.Token), TokenJson.Default.IAsyncEnumerableString);

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
