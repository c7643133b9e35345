using System.Globalization;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace OtpPortal.Client.Authentication;

/// <summary>
/// Takes the portal's cookie, or a bearer token, and asks the portal whose it is. It asks <c>/forward-auth</c>, which never replaces the
/// token: <c>/check-auth</c> would, and then each answer of the app, cached pages and failed ones too, would have to bring the new cookie
/// to the browser.
/// </summary>
internal sealed partial class OtpPortalHandler(
    IOptionsMonitor<OtpPortalAuthenticationOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<OtpPortalAuthenticationOptions>(options, logger, encoder)
{
    // As long as the portal takes a return_to at all.
    private const int MaxReturnTo = 2048;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // Nothing else of the request counts: a Remote-User or X-Auth-Request-Email in it was written by whoever sent it.
        if (ReadToken() is not { } token) return AuthenticateResult.NoResult();
        string? email;
        try
        {
            email = await Context.RequestServices.GetRequiredKeyedService<SignInCache>(Scheme.Name)
                .FindAsync(token, Context.RequestAborted);
        }
        catch (OtpPortalException e)
        {
            LogNoAnswer(Logger, Scheme.Name, e);
            return AuthenticateResult.Fail(e);
        }
        if (email is null) return AuthenticateResult.Fail("The token is unknown, expired or revoked.");

        var identity = new ClaimsIdentity(
            [Claim(ClaimTypes.NameIdentifier, email), Claim(ClaimTypes.Name, email), Claim(ClaimTypes.Email, email)], Scheme.Name);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.CacheControl = "no-store";
        var result = await HandleAuthenticateOnceSafeAsync();
        if (result.Failure is OtpPortalException trouble)
        {
            // Not a 401: a program would throw away a token that is good, and a browser would be sent to a portal that is not there.
            Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            var wait = Math.Clamp(Math.Ceiling(trouble.RetryAfter?.TotalSeconds ?? 5), 1, 300);
            Response.Headers.RetryAfter = wait.ToString("0", CultureInfo.InvariantCulture);
        }
        else if (!IsBearer(out _) && IsNavigation() && ReturnTo(properties) is { } page)
        {
            Response.Redirect($"{Options.Url!.GetLeftPart(UriPartial.Authority)}/?return_to={Uri.EscapeDataString(page)}");
        }
        else
        {
            Response.StatusCode = StatusCodes.Status401Unauthorized;
            Response.Headers.Append(HeaderNames.WWWAuthenticate, IsBearer(out _) ? "Bearer error=\"invalid_token\"" : "Bearer");
        }
    }

    /// <summary>
    /// The token to ask about. As at the portal, a bearer token goes before the cookie, and if there is one, only it counts.
    /// </summary>
    private string? ReadToken()
    {
        var token = IsBearer(out var bearer) ? bearer : Request.Cookies[Options.CookieName];
        return OtpPortalClient.CanBeToken(token) ? token : null;
    }

    private bool IsBearer(out string token)
    {
        const string Bearer = "Bearer ";
        var isBearer = Request.Headers.Authorization is [{ } header] && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase);
        token = isBearer ? Request.Headers.Authorization[0]![Bearer.Length..].Trim() : "";
        return isBearer;
    }

    // A person who goes to a page. Scripts cannot follow a redirect to another origin, and a form would lose what was typed.
    private bool IsNavigation()
    {
        var mode = Request.Headers["Sec-Fetch-Mode"].ToString();
        return (HttpMethods.IsGet(Request.Method) || HttpMethods.IsHead(Request.Method))
            && Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
            && !string.Equals(Request.Headers.XRequestedWith.ToString(), "XMLHttpRequest", StringComparison.OrdinalIgnoreCase)
            && (mode.Length == 0 || mode == "navigate")
            && !Request.Headers.ContainsKey(HeaderNames.SecWebSocketKey);
    }

    // The portal sends nobody back who is not in its ALLOWED_REDIRECTS, so a forged Host leads nowhere.
    private string? ReturnTo(AuthenticationProperties properties)
    {
        if (!Request.Host.HasValue
            || !Uri.TryCreate(UriHelper.BuildAbsolute(Request.Scheme, Request.Host, OriginalPathBase, "/"), UriKind.Absolute, out var root))
            return null;
        var page = properties.RedirectUri is { Length: > 0 } wanted && Uri.TryCreate(root, wanted, out var target)
            ? target.AbsoluteUri
            : UriHelper.BuildAbsolute(Request.Scheme, Request.Host, OriginalPathBase, OriginalPath, Request.QueryString);
        return page.Length <= MaxReturnTo ? page : root.AbsoluteUri;
    }

    private Claim Claim(string type, string email) => new(type, email, ClaimValueTypes.String, Options.ClaimsIssuer ?? Scheme.Name);

    [LoggerMessage(1, LogLevel.Warning, "Scheme {Scheme}: could not check tokens with the portal, so requests with a token are rejected")]
    private static partial void LogNoAnswer(ILogger logger, string scheme, Exception why);
}
