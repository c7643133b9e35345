using System.ComponentModel;
using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.OpenApi;
using OtpPortal.Auditing;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.Sessions;

/// <summary>The token API: <c>/check-auth</c> and <c>/auth-tokens</c>.</summary>
public static partial class TokenEndpoints
{
    private const int MaxPage = 1000;
    private static readonly IdnMapping s_idn = new();

    public static WebApplicationBuilder AddSessions(this WebApplicationBuilder builder)
    {
        builder.AddSettings<TokenSettings>();
        builder.Services.AddSingleton<AuthToken>();
        builder.Services.AddSingleton<SessionIndex>();
        builder.Services.AddSingleton<UserAgents>();
        builder.Services.AddSingleton<TokenStore>();
        builder.Services.AddSingleton<SessionList>();
        builder.Services.AddSingleton<TokenCookie>();
        builder.Services.AddSingleton<CheckAuth>();
        builder.Services.AddSingleton<ForwardAuth>();
        builder.Services.AddHostedService<SessionCleanup>();
        builder.Services.AddScheme<PortalTokenHandler>(PortalTokenHandler.SchemeName);
        builder.Services.AddScheme<OperatorKeyHandler>(OperatorKeyHandler.SchemeName);
        return builder;
    }

    public static void MapSessions(this IEndpointRouteBuilder routes)
    {
        // Proxies call these for every request, so the pipeline skips localization, pages, the same-site check and
        // authorization.
        var checks = routes.MapGroup("")
            .InPortalDocument("Tokens").WithMetadata(new ApiCaller(PortalTokenHandler.SchemeName));
        checks.ShortCircuit();
        // Request delegates: the framework creates about ten objects and a service scope for a handler with parameters, a filter
        // or a result.
        var retry = routes.ServiceProvider.GetRequiredService<StoreRetry>();
        checks.MapMethods("/check-auth", ["GET", "HEAD"], retry.Wrap(routes.ServiceProvider.GetRequiredService<CheckAuth>().AnswerAsync))
            .Describe(
                "checkAuth", "Check a session",
                "For apps. Extends the session and periodically rotates the token. Forward Set-Cookie to the browser.")
            .Answers(200, "The user is signed in.", typeof(CheckAuth.CheckedToken))
            .AnswersHeader("Set-Cookie", "The token to use from now on.", 200)
            .AnswersIdentity()
            .AnswersText(403, "The token is missing, expired or revoked.", "Forbidden");
        checks.Map("/forward-auth", retry.Wrap(routes.ServiceProvider.GetRequiredService<ForwardAuth>().AnswerAsync))
            .Describe(
                "forwardAuth", "Check a session for a proxy",
                "Accepts any method. Extends the session, never rotates the token. With redirect=never in the query, never redirects.")
            .Answers(200, "The user is signed in.")
            .AnswersIdentity()
            .Answers(302, "The user is not signed in, and the proxied request is a navigation to an allowed URL.")
            .AnswersHeader("Location", "The sign-in page, with return_to.", 302)
            .AnswersText(401, "The user is not signed in.", "Unauthorized")
            .AnswersHeader("WWW-Authenticate", "Bearer.", 401);

        var tokens = routes.MapGroup("/auth-tokens").RequireOperatorKey().InPortalDocument("Sessions");
        tokens.MapMethods("", ["GET", "HEAD"], ListAsync)
            .Describe("listTokens", "List the live sessions", "A JSON array of tokens, or of sessions with details=true.")
            .Answers(200, "The sessions.", typeof(IEnumerable<SessionDetails>))
            .WithMetadata(new ApiHeader(
                "X-Next-Cursor", "The cursor of the next page. Absent on the last page.", null, status => status == 200, IsRequired: false))
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                var json = operation.Responses!["200"].Content!["application/json"];
                var tokens = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } };
                json.Schema = new OpenApiSchema { AnyOf = [tokens, json.Schema!] };
                return Task.CompletedTask;
            })
            .Answers(400, "limit or cursor is invalid.");
        tokens.MapDelete("", RevokeAllAsync)
            .Describe("revokeUser", "Revoke all sessions of a user")
            .Answers(204, "The sessions are revoked, if there were any.")
            .Answers(400, "email is missing.");
        tokens.MapDelete("/{id}", RevokeAsync)
            .Describe("revokeSession", "Revoke a session")
            .Answers(204, "The session is revoked.")
            .Answers(404, "There is no live session with this id.");
    }

    /// <summary>Requires AUTH_SECRET_KEY, and describes the responses to requests without it.</summary>
    internal static TBuilder RequireOperatorKey<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder => endpoints
            .RequireAuthorization(OperatorKeyHandler.SchemeName).WithCredentialsInHeader().NoStore()
            .Answers(403, "The key is missing or wrong.")
            .Answers(429, "Too many wrong keys from this client. Until Retry-After has passed, the correct key is rejected too.");

    private static TBuilder AnswersIdentity<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder
    {
        foreach (var name in IdentityHeaders.Known) endpoint.AnswersHeader(name, "The user's email address.", 200);
        foreach (var name in IdentityHeaders.Unknown) endpoint.AnswersHeader(name, "Always empty: the portal has no such data.", 200);
        return endpoint;
    }

    private static async Task<IResult> ListAsync(
        HttpContext context,
        SessionList sessions,
        [Description("Only the sessions of this address.")] string? email,
        [Description("true to list sessions instead of tokens.")] string? details,
        [Description("The page size, 1 to 1000. Default without cursor: all.")] string? limit,
        [Description("X-Next-Cursor of the previous page.")] string? cursor)
    {
        email = email is null ? null : NormalizeEmail(email);
        var withDetails = details?.ToUpperInvariant() is "TRUE" or "1";
        if (limit is null && cursor is null) return Stream(sessions.ListAsync(email), withDetails);

        var count = MaxPage;
        if (limit is not null
            && !(int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count is >= 1 and <= MaxPage))
        {
            return Problem.Result(
                StatusCodes.Status400BadRequest, "invalid_limit", $"limit must be a whole number between 1 and {MaxPage}.");
        }
        if (await sessions.PageAsync(email, count, cursor) is not { } page)
        {
            return Problem.Result(
                StatusCodes.Status400BadRequest, "invalid_cursor", "cursor must be the X-Next-Cursor of an earlier response.");
        }
        if (page.Next is not null) context.Response.Headers["X-Next-Cursor"] = page.Next;
        return Stream(page.Sessions.ToAsyncEnumerable(), withDetails);
    }

    private static async Task<IResult> RevokeAsync(
        HttpContext context, [Description("The id of the session.")] string id, TokenStore store, AuditLog audit)
    {
        var session = await store.FindAsync(id);
        if (!await store.RevokeAsync(id))
            return Problem.Result(StatusCodes.Status404NotFound, "not_found", "There is no live session with this id.");
        audit.WriteByAdmin(AuditEvent.Revoked, session?.Email, ClientAddress.Of(context), "sessions:1", "key");
        return TypedResults.NoContent();
    }

    private static async Task<IResult> RevokeAllAsync(
        HttpContext context, [Description("The email address of the user. Required.")] string? email, TokenStore store, AuditLog audit)
    {
        if (string.IsNullOrWhiteSpace(email))
        {
            return Problem.Result(
                StatusCodes.Status400BadRequest, "invalid_email", "email must be the email address of the user whose sessions to revoke.");
        }
        var kept = NormalizeEmail(email);
        var count = await store.RevokeAllAsync(kept);
        if (count > 0) audit.WriteByAdmin(AuditEvent.Revoked, kept, ClientAddress.Of(context), $"sessions:{count}", "key");
        return TypedResults.NoContent();
    }

    // Streamed session by session, so memory use does not depend on the length of the list.
    private static IResult Stream(IAsyncEnumerable<Session> sessions, bool details) => details
        ? TypedResults.Json(sessions.Select(SessionDetails.Of), TokenJson.Default.IAsyncEnumerableSessionDetails)
        : TypedResults.Json(sessions.Select(session => session.Token), TokenJson.Default.IAsyncEnumerableString);

    // Normalizes an address as sessions store it: lowercase, with the domain in ASCII. Invalid addresses match no session.
    private static string NormalizeEmail(string email)
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
            session.Id, session.Email, session.CreatedAt, session.LastSeenAt, session.ExpiresAt, session.Ip, session.UserAgent,
            session.Token);
    }

    [JsonSerializable(typeof(IAsyncEnumerable<SessionDetails>))]
    [JsonSerializable(typeof(IAsyncEnumerable<string>))]
    internal sealed partial class TokenJson : JsonSerializerContext;
}
