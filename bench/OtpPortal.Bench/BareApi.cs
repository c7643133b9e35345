using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OtpPortal.Jwt;

namespace OtpPortal.Bench;

/// <summary>The Redis commands and the signatures of the API for service accounts, with minimal HTTP around them.</summary>
internal static class BareApi
{
    private static readonly string[] s_audience = ["bench"];

    public static async Task<int> RunAsync(string port, string redis, string apiKey)
    {
        await using var app = BareServer.Build(port);
        using var connection = await BareServer.ConnectAsync(redis);
        var database = connection.GetDatabase();
        using var ed = SigningKey.New("EdDSA");
        using var rsa = SigningKey.New("RS256");
        var (secret, codeKey) = (SHA256.HashData(Encoding.UTF8.GetBytes(apiKey)), RandomNumberGenerator.GetBytes(32));
        var life = TimeSpan.FromMinutes(15);

        bool IsKnown(HttpContext context) =>
            CryptographicOperations.FixedTimeEquals(
                SHA256.HashData(Encoding.UTF8.GetBytes(context.Request.Headers["X-API-KEY"].ToString())), secret);

        app.MapGet("/", () => "OK");
        app.MapPost("/api/v2/otp/create", async (HttpContext context) =>
        {
            if (!IsKnown(context)) return Results.Unauthorized();
            await BareGateway.LimitAsync(database);
            using var body = await JsonDocument.ParseAsync(context.Request.Body);
            var (id, otp) = (Guid.NewGuid().ToString(), RandomNumberGenerator.GetString("0123456789", 6));
            await database.StringSetAsync(id, BareGateway.NewRecord(HMACSHA256.HashData(codeKey, Encoding.UTF8.GetBytes(otp))), life);
            return Results.Json(
                new { otpCreateResults = new { id, otp }, requestMetadata = new { uuid = Guid.NewGuid() } }, statusCode: 201);
        });
        app.MapPost("/api/v2/otp/validate", async (HttpContext context) =>
        {
            if (!IsKnown(context)) return Results.Unauthorized();
            await BareGateway.LimitAsync(database);
            using var body = await JsonDocument.ParseAsync(context.Request.Body);
            var parameters = body.RootElement.GetProperty("otpValidateParams");
            var id = parameters.GetProperty("id").GetString()!;
            var record = await BareGateway.FindAsync(database, id);
            _ = HMACSHA256.HashData(codeKey, Encoding.UTF8.GetBytes(parameters.GetProperty("otp").GetString()!));
            await BareGateway.ChangeAsync(database, id, record, life);
            return Results.Json(new { otpValidateResults = new { }, requestMetadata = new { uuid = Guid.NewGuid() } });
        });
        app.MapPost("/api/v2/jwt/create", async (HttpContext context) =>
        {
            if (!IsKnown(context)) return Results.Unauthorized();
            await BareGateway.LimitAsync(database);
            using var body = await JsonDocument.ParseAsync(context.Request.Body);
            var parameters = body.RootElement.GetProperty("jwtCreateParams");
            var key = parameters.GetProperty("alg").GetString() == "RS256" ? rsa : ed;
            var payload = JsonSerializer.SerializeToUtf8Bytes(new
            {
                email = parameters.GetProperty("claims").GetProperty("email").GetString(),
                iss = "http://127.0.0.1:3000",
                aud = s_audience,
                exp = 1900000000,
                nbf = 1800000000,
                iat = 1800000000,
                jti = Guid.NewGuid(),
            });
            var signed = Base64Url.EncodeToString(
                JsonSerializer.SerializeToUtf8Bytes(new { alg = key.Algorithm, kid = "0123456789abcdef", typ = "JWT" }))
                    + "." + Base64Url.EncodeToString(payload);
            var jwt = signed + "." + Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(signed)));
            return Results.Json(new { jwtCreateResults = new { jwt }, requestMetadata = new { uuid = Guid.NewGuid() } }, statusCode: 201);
        });
        app.MapPost("/api/v2/jwt/validate", async (HttpContext context) =>
        {
            if (!IsKnown(context)) return Results.Unauthorized();
            await BareGateway.LimitAsync(database);
            using var body = await JsonDocument.ParseAsync(context.Request.Body);
            var jwt = body.RootElement.GetProperty("jwtValidateParams").GetProperty("jwt").GetString()!;
            var parts = jwt.Split('.');
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]));
            var key = header.RootElement.GetProperty("alg").GetString() == "RS256" ? rsa : ed;
            if (!key.Verify(Encoding.ASCII.GetBytes(jwt, 0, jwt.LastIndexOf('.')), Base64Url.DecodeFromChars(parts[2])))
                return Results.UnprocessableEntity();
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            return Results.Json(
                new { jwtValidateResults = new { claims = claims.RootElement.Clone() }, requestMetadata = new { uuid = Guid.NewGuid() } });
        });
        await app.RunAsync();
        return 0;
    }
}
