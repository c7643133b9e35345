using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using OtpPortal.Http;

namespace OtpPortal.Admin;

/// <summary>An authenticated administrator.</summary>
internal sealed class AdminIdentity(AdminSession session) : ClaimsIdentity(AdminSessionHandler.SchemeName)
{
    public AdminSession Session => session;
}

/// <summary>Authenticates an administrator by a session that AUTH_SECRET_KEY started, or as a signed-in user of ADMIN_EMAILS.</summary>
internal sealed class AdminSessionHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AdminAccess access)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    /// <summary>The name of the scheme and of the policy that asks for it.</summary>
    public const string SchemeName = "AdminSession";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync() => await access.AuthenticateAsync(Context) is { } session
        ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new AdminIdentity(session)), SchemeName))
        : AuthenticateResult.NoResult();

    // Pages and forms go to where the key is asked for; a download has no page to go to.
    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (Context.GetEndpoint()?.Metadata.GetMetadata<DownloadAttribute>() is not null)
        {
            return Problem.WriteAsync(Context, StatusCodes.Status403Forbidden, "forbidden", "Sign in at /admin first.");
        }
        Response.StatusCode = StatusCodes.Status303SeeOther;
        Response.Headers.Location = AdminEndpoints.StartPath;
        return Task.CompletedTask;
    }
}

/// <summary>Marks an endpoint that answers with a file.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DownloadAttribute : Attribute;
