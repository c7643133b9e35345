using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Sessions;

/// <summary>
/// <c>GET /check-auth</c>: tells an app whether the user is signed in. Slides the session, and rotates the token if it is due.
/// </summary>
internal sealed partial class CheckAuth(TokenStore store, TokenCookie cookie)
{
    public async Task AnswerAsync(HttpContext context)
    {
        var response = context.Response;
        response.Headers.CacheControl = "no-store";
        if (await BearerToken.UseAsync(context.Request, cookie, store.UseAndRotateAsync) is not { } token)
        {
            await TypedResults.Text("Forbidden", statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(context);
            return;
        }
        cookie.Write(response, token);
        IdentityHeaders.Write(response, token.Email);
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new CheckedToken(token.Token, token.Email, (long)token.ExpiresIn.TotalSeconds), CheckJson.Default.CheckedToken);
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body);
    }

    internal sealed record CheckedToken(
        [property: JsonPropertyName("auth_token")] string AuthToken,
        [property: JsonPropertyName("email")] string Email,
        [property: JsonPropertyName("expires_in"), Description("Seconds until the session expires if it is not used.")] long ExpiresIn);

    [JsonSerializable(typeof(CheckedToken))]
    private sealed partial class CheckJson : JsonSerializerContext;
}
