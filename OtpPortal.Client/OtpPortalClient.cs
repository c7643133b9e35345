using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;

namespace OtpPortal.Client;

/// <summary>
/// Calls a portal. <c>services.AddOtpPortalClient(…)</c> makes one. It may be used by any number of threads.
/// </summary>
/// <remarks>
/// Every method throws <see cref="OtpPortalException"/> when the portal cannot be reached, does not answer within
/// <see cref="OtpPortalOptions.Timeout"/>, refuses the credentials, has had too many requests with them, or is in trouble, and
/// <see cref="OperationCanceledException"/> when the caller gives up. None is repeated by itself.
/// </remarks>
public sealed class OtpPortalClient
{
    private readonly PortalHttp _http;

    /// <summary>A client with an <see cref="HttpClient"/> of the caller's.</summary>
    /// <param name="http">Best over <see cref="CreateHandler"/>: one that follows redirects would carry credentials elsewhere, one that
    /// keeps cookies mix up users.</param>
    /// <param name="options">Where the portal is, and what opens it.</param>
    /// <exception cref="ArgumentException">An option is not allowed; the message names it.</exception>
    public OtpPortalClient(HttpClient http, OtpPortalOptions options)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(options);
        OptionChecks.ThrowIfAny(options.Complaints(), nameof(options));
        _http = new PortalHttp(http, options.Url!, options.Timeout);
        Sessions = new SessionsClient(_http, options.AuthSecretKey);
        Gateway = new GatewayClient(_http, options.NamespaceName, options.NamespaceSecret);
        V2 = new V2Client(_http, options.ApiKey);
    }

    /// <summary>Who is signed in where: for operators. Needs <see cref="OtpPortalOptions.AuthSecretKey"/>.</summary>
    public SessionsClient Sessions { get; }

    /// <summary>One-time codes for a backend of one's own. Needs <see cref="OtpPortalOptions.NamespaceName"/> and its secret.</summary>
    public GatewayClient Gateway { get; }

    /// <summary>Codes, magic links and JWTs for service accounts. Needs <see cref="OtpPortalOptions.ApiKey"/>.</summary>
    public V2Client V2 { get; }

    /// <summary>
    /// What an <see cref="HttpClient"/> for the portal is made of: no redirects, no cookies, connections renewed every five minutes.
    /// </summary>
    public static SocketsHttpHandler CreateHandler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ConnectTimeout = TimeSpan.FromSeconds(5),
    };

    /// <summary>
    /// Asks who is signed in, and keeps the session alive (<c>GET /check-auth</c>). The token may be replaced: go on with the one in the
    /// answer.
    /// </summary>
    /// <param name="authToken">The token of a visitor's cookie, or one that a program keeps.</param>
    /// <param name="stop">Gives up.</param>
    public async Task<AuthCheck> CheckAuthAsync(string authToken, CancellationToken stop = default)
    {
        if (!CanBeToken(authToken)) return new AuthCheck.SignedOut();
        var answer = await _http.SendAsync(HttpMethod.Get, "/check-auth", Bearer(authToken), stop);
        switch (answer.Status)
        {
            case HttpStatusCode.OK:
                var body = answer.Read(PortalJson.Default.CheckedToken);
                return new AuthCheck.SignedIn(
                    body.Email, body.AuthToken, TimeSpan.FromSeconds(body.ExpiresIn),
                    answer.Headers.TryGetValues("Set-Cookie", out var lines) ? [.. lines] : []);
            case HttpStatusCode.Forbidden:
                return new AuthCheck.SignedOut();
            default:
                throw answer.Unexpected();
        }
    }

    /// <summary>
    /// Asks who is signed in, and keeps the session alive (<c>GET /forward-auth</c>). The token is never replaced, so nothing has to travel
    /// back to the browser.
    /// </summary>
    /// <param name="authToken">The token of a visitor's cookie, or one that a program keeps.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>The email address; null when nobody is signed in with this token.</returns>
    public async Task<string?> FindEmailAsync(string authToken, CancellationToken stop = default)
    {
        if (!CanBeToken(authToken)) return null;
        var answer = await _http.SendAsync(HttpMethod.Get, "/forward-auth?redirect=never", Bearer(authToken), stop);
        return answer.Status switch
        {
            // Whatever answers 200 without saying who it is, is not the portal.
            HttpStatusCode.OK => answer.Header("Remote-Email") ?? throw answer.Malformed(null),
            HttpStatusCode.Unauthorized => null,
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>
    /// Makes a JWT for who is signed in (<c>GET /token</c>), which others verify without asking the portal: see
    /// <see cref="PortalTokenValidator"/>.
    /// </summary>
    /// <param name="authToken">The token of a visitor's cookie, or one that a program keeps.</param>
    /// <param name="algorithm">Such as <c>RS256</c>; null for the portal's default.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="OtpPortalException">Besides the usual: status 400 when the portal does not know the algorithm.</exception>
    public async Task<JwtIssue> IssueJwtAsync(string authToken, string? algorithm, CancellationToken stop = default)
    {
        if (!CanBeToken(authToken)) return new JwtIssue.SignedOut();
        var path = algorithm is null ? "/token" : "/token?alg=" + Uri.EscapeDataString(algorithm);
        var answer = await _http.SendAsync(HttpMethod.Get, path, Bearer(authToken), stop);
        switch (answer.Status)
        {
            case HttpStatusCode.OK:
                var body = answer.Read(PortalJson.Default.IssuedToken);
                return new JwtIssue.Issued(body.Token, TimeSpan.FromSeconds(body.ExpiresIn));
            case HttpStatusCode.Forbidden:
                return new JwtIssue.SignedOut();
            default:
                throw answer.Unexpected();
        }
    }

    /// <summary>
    /// False for what the portal never made: it need not be asked, and a header could not carry some of it. A JWT, with its dots, is
    /// another kind of bearer token, for somebody else.
    /// </summary>
    internal static bool CanBeToken([NotNullWhen(true)] string? text) =>
        text is { Length: >= 1 and <= 512 } && text.All(char.IsAsciiLetterOrDigit);

    private static Action<HttpRequestMessage> Bearer(string token) =>
        request => request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
}

/// <summary>Whether a token signs somebody in.</summary>
public abstract record AuthCheck
{
    private AuthCheck() { }

    /// <summary>It does.</summary>
    /// <param name="Email">Whom.</param>
    /// <param name="AuthToken">The token to use from now on: the same one, or its successor. The old one is good for two minutes
    /// more.</param>
    /// <param name="ExpiresIn">How long it is good when it is not used; whole seconds.</param>
    /// <param name="SetCookie">The <c>Set-Cookie</c> lines to hand on when the token came from a browser's cookie.</param>
    public sealed record SignedIn(string Email, string AuthToken, TimeSpan ExpiresIn, IReadOnlyList<string> SetCookie) : AuthCheck
    {
        /// <summary>Without the token.</summary>
        public override string ToString() => $"SignedIn {{ Email = {Email}, ExpiresIn = {ExpiresIn} }}";
    }

    /// <summary>It does not: it is unknown, over or revoked.</summary>
    public sealed record SignedOut : AuthCheck;
}

/// <summary>Whether there is a JWT for a token.</summary>
public abstract record JwtIssue
{
    private JwtIssue() { }

    /// <summary>There is.</summary>
    /// <param name="Jwt">For <c>Authorization: Bearer</c>.</param>
    /// <param name="ExpiresIn">How long it is good, whatever becomes of the session; whole seconds.</param>
    public sealed record Issued(string Jwt, TimeSpan ExpiresIn) : JwtIssue
    {
        /// <summary>Without the JWT.</summary>
        public override string ToString() => $"Issued {{ ExpiresIn = {ExpiresIn} }}";
    }

    /// <summary>Nobody is signed in with the token.</summary>
    public sealed record SignedOut : JwtIssue;
}
