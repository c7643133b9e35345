using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using OtpPortal.Http;
using OtpPortal.Jwt;

namespace OtpPortal.MagicLinks;

/// <summary><c>/api/v2/jwt/…</c>: JWTs for accounts.</summary>
internal static class V2Jwts
{
    public static void MapV2Jwts(this IEndpointRouteBuilder api)
    {
        api.MapPost("/jwt/create", CreateAsync).TakesJson(typeof(V2Bodies.JwtRequest))
            .Describe("createJwt", "Create a JWT", "The JWT has the account's audience.")
            .Answers(201, "The JWT.", typeof(V2Json.JwtAnswer));
        api.MapPost("/jwt/validate", ValidateAsync).TakesJson(typeof(V2Bodies.JwtValidateRequest))
            .Describe(
                "validateJwt", "Verify a JWT",
                "Accepts any JWT of the portal with the account's audience. Its kid determines the key and the algorithm.")
            .Answers(200, "The JWT is valid.", typeof(V2Json.ClaimsAnswer))
            .Answers(422, "The JWT is not valid. The message has the reason.");
    }

    private static async Task<IResult> CreateAsync(V2Request request, Requests reader, JwtService jwts)
    {
        var wish = reader.Jwt(request.Fields.Object("jwtCreateParams"));
        if (request.Refusal is { } refusal) return refusal;
        using var claims = JsonDocument.Parse(wish.Claims);
        var jwt = await jwts.CreateAsync(wish.Algorithm, request.Account.Audience, wish.Lifetime, subject: null, claims.RootElement);
        return V2Results.Created(new V2Json.JwtAnswer(new(jwt), request.Metadata), V2Json.Json.JwtAnswer);
    }

    private static async Task<IResult> ValidateAsync(V2Request request, JwtService jwts)
    {
        var jwt = request.Fields.Object("jwtValidateParams").Text("jwt", 1, MagicLinkEndpoints.MaxBody);
        if (request.Refusal is { } refusal) return refusal;
        return await jwts.VerifyAsync(jwt, request.Account.Audience) switch
        {
            JwtOutcome.Good(var claims) =>
                V2Results.Ok(new V2Json.ClaimsAnswer(new(JsonObject.Create(claims)!), request.Metadata), V2Json.Json.ClaimsAnswer),
            JwtOutcome.Bad(var reason) => request.Failure(StatusCodes.Status422UnprocessableEntity, $"The JWT is not valid: {reason}."),
            _ => throw new UnreachableException(),
        };
    }
}
