using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;

namespace OtpPortal.Client;

/// <summary>
/// Calls a portal. Create it with <c>services.AddOtpPortalClient(…)</c>. Thread-safe.
/// </summary>
/// <remarks>
/// Every method throws <see cref="OtpPortalException"/> if the portal is unreachable, does not respond within
/// <see cref="OtpPortalOptions.Timeout"/>, rejects the credentials, limits their requests, or fails, and
/// <see cref="OperationCanceledException"/> if the caller cancels. Requests are not retried.
/// </remarks>
public sealed class OtpPortalClient
{
    private readonly PortalHttp _http;

    /// <summary>Creates a client that uses the caller's <see cref="HttpClient"/>.</summary>
    /// <param name="http">Should use <see cref="CreateHandler"/>: following redirects would send credentials to other hosts,
    /// and keeping cookies would mix up users.</param>
    /// <param name="options">The portal's address and credentials.</param>
    /// <exception cref="ArgumentException">An option is invalid; the message names it.</exception>
    public OtpPortalClient(HttpClient http, OtpPortalOptions options)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(options);
        OptionChecks.ThrowIfAny(options.GetErrors(), nameof(options));
        _http = new PortalHttp(http, options.Url!, options.Timeout);
        Sessions = new SessionsClient(_http, options.AuthSecretKey);
        Gateway = new GatewayClient(_http, options.NamespaceName, options.NamespaceSecret);
        V2 = new V2Client(_http, options.ApiKey);
    }

    /// <summary>Gets the client for sessions, for operators. Requires <see cref="OtpPortalOptions.AuthSecretKey"/>.</summary>
    public SessionsClient Sessions { get; }

    /// <summary>
    /// Gets the client for one-time codes. Requires <see cref="OtpPortalOptions.NamespaceName"/> and its secret.
    /// </summary>
    public GatewayClient Gateway { get; }

    /// <summary>
    /// Gets the client for service accounts: codes, magic links and JWTs. Requires <see cref="OtpPortalOptions.ApiKey"/>.
    /// </summary>
    public V2Client V2 { get; }

    /// <summary>
    /// Creates a handler for the portal's <see cref="HttpClient"/>: no redirects, no cookies, connections replaced every five
    /// minutes.
    /// </summary>
    public static SocketsHttpHandler CreateHandler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ConnectTimeout = TimeSpan.FromSeconds(5),
    };

    /// <summary>
    /// Checks a token and extends its session (<c>GET /check-auth</c>). May rotate the token: continue with the one in the
    /// result.
    /// </summary>
    /// <param name="authToken">The token, from a user's cookie or stored by a program.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public async Task<AuthCheck> CheckAuthAsync(string authToken, CancellationToken cancellationToken = default)
    {
        if (!CanBeToken(authToken)) return new AuthCheck.SignedOut();
        var answer = await _http.SendAsync(HttpMethod.Get, "/check-auth", Bearer(authToken), cancellationToken);
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
    /// Checks a token and extends its session (<c>GET /forward-auth</c>). Never rotates the token, so no cookie has to be
    /// returned to the browser.
    /// </summary>
    /// <param name="authToken">The token, from a user's cookie or stored by a program.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>The email address; null if the token is not live.</returns>
    public async Task<string?> FindEmailAsync(string authToken, CancellationToken cancellationToken = default)
    {
        if (!CanBeToken(authToken)) return null;
        var answer = await _http.SendAsync(HttpMethod.Get, "/forward-auth?redirect=never", Bearer(authToken), cancellationToken);
        return answer.Status switch
        {
            // A server that responds 200 without an identity is not the portal.
            HttpStatusCode.OK => answer.Header("Remote-Email") ?? throw answer.Malformed(null),
            HttpStatusCode.Unauthorized => null,
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>
    /// Creates a JWT for the signed-in user (<c>GET /token</c>), which other programs can verify without the portal: see
    /// <see cref="PortalTokenValidator"/>.
    /// </summary>
    /// <param name="authToken">The token, from a user's cookie or stored by a program.</param>
    /// <param name="algorithm">The signature algorithm, such as <c>RS256</c>; null for the portal's default.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="OtpPortalException">In addition to the general cases: status 400 if the portal does not know the
    /// algorithm.</exception>
    public async Task<JwtIssue> IssueJwtAsync(string authToken, string? algorithm, CancellationToken cancellationToken = default)
    {
        if (!CanBeToken(authToken)) return new JwtIssue.SignedOut();
        var path = algorithm is null ? "/token" : "/token?alg=" + Uri.EscapeDataString(algorithm);
        var answer = await _http.SendAsync(HttpMethod.Get, path, Bearer(authToken), cancellationToken);
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
    /// Returns whether a text has the form of a token. Others are not sent to the portal, and some of them would be invalid in
    /// a header. A JWT, which contains dots, is a different kind of bearer token.
    /// </summary>
    internal static bool CanBeToken([NotNullWhen(true)] string? text) =>
        text is { Length: >= 1 and <= 512 } && text.All(char.IsAsciiLetterOrDigit);

    private static Action<HttpRequestMessage> Bearer(string token) =>
        request => request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
}

/// <summary>The outcome of checking a token.</summary>
public abstract record AuthCheck
{
    private AuthCheck() { }

    /// <summary>The token is live.</summary>
    /// <param name="Email">The user's email address.</param>
    /// <param name="AuthToken">The token to use from now on: the same one or its successor. The old one stays valid for two
    /// more minutes.</param>
    /// <param name="ExpiresIn">Time until the token expires if unused, in whole seconds.</param>
    /// <param name="SetCookie">The <c>Set-Cookie</c> headers to pass on if the token came from a browser's cookie.</param>
    public sealed record SignedIn(string Email, string AuthToken, TimeSpan ExpiresIn, IReadOnlyList<string> SetCookie) : AuthCheck
    {
        /// <summary>Omits the token.</summary>
        public override string ToString() => $"SignedIn {{ Email = {Email}, ExpiresIn = {ExpiresIn} }}";
    }

    /// <summary>The token is unknown, expired or revoked.</summary>
    public sealed record SignedOut : AuthCheck;
}

/// <summary>The outcome of requesting a JWT.</summary>
public abstract record JwtIssue
{
    private JwtIssue() { }

    /// <summary>The JWT was created.</summary>
    /// <param name="Jwt">The JWT, for <c>Authorization: Bearer</c>.</param>
    /// <param name="ExpiresIn">Its lifetime in whole seconds, independent of the session.</param>
    public sealed record Issued(string Jwt, TimeSpan ExpiresIn) : JwtIssue
    {
        /// <summary>Omits the JWT.</summary>
        public override string ToString() => $"Issued {{ ExpiresIn = {ExpiresIn} }}";
    }

    /// <summary>The token is not live.</summary>
    public sealed record SignedOut : JwtIssue;
}
