using System.ComponentModel;
using System.Text.Json.Serialization;
using OtpPortal.Auditing;
using OtpPortal.Http;
using OtpPortal.Sessions;

namespace OtpPortal.SignIn;

/// <summary>The endpoints that sign out: of this device, of another one, or of several.</summary>
internal static class SignOutEndpoints
{
    public static void MapSignOut(this IEndpointRouteBuilder routes)
    {
        var logout = routes.MapGroup("/logout").InPortalDocument("Sign-in")
            .Answers(303, "Signed out, or there was no session.").AnswersHeader("Location", "The start page.", 303);
        logout.MapPost("", SignOutAsync).Describe("logout", "Sign out", "Revokes the token in the cookie and clears the cookie.")
            .AnswersHeader("Set-Cookie", "Clears the token.", 303);
        logout.MapPost("/session", SignOutDeviceAsync).TakesForm(typeof(DeviceForm))
            .Describe("logoutSession", "Sign out of one device", "Another user's session is not revoked.")
            .Answers(415, "The body is not a form.");
        logout.MapPost("/others", SignOutOthersAsync).Describe("logoutOthers", "Sign out of all other devices");
        logout.MapPost("/everywhere", SignOutEverywhereAsync).Describe("logoutEverywhere", "Sign out of all devices")
            .AnswersHeader("Set-Cookie", "Clears the token.", 303);
    }

    private static async Task<IResult> SignOutAsync(HttpContext context, TokenStore tokens, TokenCookie cookie, AuditLog audit)
    {
        foreach (var value in cookie.Read(context.Request))
        {
            if (await tokens.UseAsync(value) is { } token && await tokens.RevokeAsync(token.SessionId))
            {
                audit.Write(AuditEvent.SignedOut, token.Email, ClientAddress.Of(context), "sessions:1");
            }
        }
        return SignedOut(context, cookie);
    }

    private static async Task<IResult> SignOutEverywhereAsync(HttpContext context, TokenStore tokens, TokenCookie cookie, AuditLog audit)
    {
        if (await cookie.UseAsync(context.Request, tokens.UseAsync) is { } token)
        {
            var count = await tokens.RevokeAllAsync(token.Email);
            audit.Write(AuditEvent.SignedOut, token.Email, ClientAddress.Of(context), $"sessions:{count}");
        }
        return SignedOut(context, cookie);
    }

    // Only a session of the same user. Another user's id gets the same response as one that does not exist.
    private static async Task<IResult> SignOutDeviceAsync(
        HttpContext context, TokenStore tokens, SessionList sessions, TokenCookie cookie, AuditLog audit)
    {
        if (await PlainForm.ReadAsync(context) is not { } form) return PageErrors.Page(context, StatusCodes.Status415UnsupportedMediaType);
        if (await cookie.UseAsync(context.Request, tokens.UseAsync) is { } token)
        {
            var id = form["id"].ToString();
            if ((await sessions.OfUserAsync(token.Email)).Any(session => session.Id == id) && await tokens.RevokeAsync(id))
                audit.Write(AuditEvent.SignedOut, token.Email, ClientAddress.Of(context), "sessions:1");
        }
        return PlainForm.SeeOther(context, SignInEndpoints.AddressPath);
    }

    private static async Task<IResult> SignOutOthersAsync(HttpContext context, TokenStore tokens, TokenCookie cookie, AuditLog audit)
    {
        if (await cookie.UseAsync(context.Request, tokens.UseAsync) is { } token)
        {
            var count = await tokens.RevokeAllAsync(token.Email, exceptSid: token.SessionId);
            audit.Write(AuditEvent.SignedOut, token.Email, ClientAddress.Of(context), $"sessions:{count}");
        }
        return PlainForm.SeeOther(context, SignInEndpoints.AddressPath);
    }

    private static IResult SignedOut(HttpContext context, TokenCookie cookie)
    {
        cookie.Clear(context.Response);
        // Removes pages of the session from the browser's cache.
        context.Response.Headers["Clear-Site-Data"] = "\"cache\"";
        return PlainForm.SeeOther(context, SignInEndpoints.AddressPath);
    }

    private sealed record DeviceForm([property: JsonPropertyName("id"), Description("The id of the user's session.")] string Id);
}
