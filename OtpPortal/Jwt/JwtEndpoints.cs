using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Security.Claims;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OtpPortal.Auditing;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Sessions;
using OtpPortal.Storage;

namespace OtpPortal.Jwt;

/// <summary>JWTs for apps that verify sign-ins on their own: <c>/token</c>, the public keys, and key rotation.</summary>
public static partial class JwtEndpoints
{
    /// <summary>The path of the public keys, as in magiclinksdev.</summary>
    public const string KeysPath = "/api/v2/jwks.json";

    internal const string RotationPath = "/signing-keys/rotate";

    // A JWT cannot be revoked, so it is valid only as long as a sign-out may take to be noticed.
    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(5);

    public static WebApplicationBuilder AddJwts(this WebApplicationBuilder builder)
    {
        builder.AddSettings<JwtSettings>();
        var portal = builder.GetSettings<PortalSettings>();
        builder.Services.AddSingleton(JwtAlgorithms.Supported);
        builder.Services.AddSingleton<KeyRing>();
        builder.Services.AddSingleton(services => new JwtService(
            services.GetRequiredService<KeyRing>(), services.GetRequiredService<JwtAlgorithms>(), portal.Origin,
            services.GetRequiredService<TimeProvider>()));
        builder.Services.AddHostedService<FirstKeys>();
        return builder;
    }

    public static void MapJwts(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods(KeysPath, ["GET", "HEAD"], PublishAsync).InDocument("v2", "Service")
            .Describe(
                "keys", "Get the public keys that verify JWTs",
                "A JWK Set (RFC 7517). It contains a new key ten minutes before that key signs, and an old one while JWTs it signed are "
                    + "valid. Pages of other origins may read it. While the store is unavailable, the known keys are served for an hour.")
            .Answers(200, "The keys, those of the default algorithm first.", typeof(PublishedKeys))
            .AnswersHeader("Cache-Control", "How long the keys can be cached.", 200)
            .AnswersHeader("Access-Control-Allow-Origin", "Any origin.", 200);
        routes.MapDiscovery();
        var portal = routes.MapGroup("").InPortalDocument("JWTs");
        portal.MapMethods("/token", ["GET", "HEAD"], ExchangeAsync).RequireAuthorization(PortalTokenHandler.SchemeName).NoStore()
            .Describe(
                "exchangeToken", "Exchange a session for a JWT",
                "For apps that verify sign-ins by themselves. The JWT is valid for five minutes, or as long as the session if that is "
                    + "less. Its claims are iss, sub and email (the address), aud (TOKEN_AUDIENCE), sid, exp, nbf, iat, jti. "
                    + "Slides the session, never rotates the token.")
            .Answers(200, "The JWT.", typeof(ExchangedToken))
            .Answers(400, "alg is not supported.")
            .AnswersText(403, "The user is not signed in.", "Forbidden");
        portal.MapPost(RotationPath, RotateAsync).RequireOperatorKey()
            .Describe(
                "rotateKeys", "Replace the keys that sign JWTs", "The command dotnet OtpPortal.dll --rotate-keys calls this endpoint.")
            .Answers(200, "The new keys are published.", typeof(RotatedKeys))
            .Answers(400, "A parameter is invalid. The message names it.");
    }

    private static async Task<IResult> PublishAsync(HttpContext context, KeyRing ring)
    {
        var keys = new JsonArray([.. (await ring.PublishedAsync()).Select(key => key.Key.ToJwk(key.Kid))]);
        context.Response.Headers.CacheControl =
            string.Create(CultureInfo.InvariantCulture, $"public, max-age={(int)KeyRing.PublishedFor.TotalSeconds}");
        // The keys are public, so pages of apps may fetch them.
        context.Response.Headers.AccessControlAllowOrigin = "*";
        return TypedResults.Text(new JsonObject { ["keys"] = keys }.ToJsonString(), "application/json");
    }

    private static async Task<IResult> ExchangeAsync(
        ClaimsPrincipal user,
        [Description("EdDSA, RS256 or ES256. Default: EdDSA, or ES256 on a machine without EdDSA; the one that is not the default is "
            + "refused.")]
        string[] alg,
        JwtService jwts,
        JwtSettings settings)
    {
        var algorithm = alg.Length == 0
            ? jwts.Algorithms.Default : jwts.Algorithms.All.FirstOrDefault(known => alg.Length == 1 && known == alg[0]);
        if (algorithm is null)
            return Problem.Result(StatusCodes.Status400BadRequest, "invalid_alg", $"alg must be {jwts.Algorithms.Allowed}.");
        var token = ((PortalIdentity)user.Identity!).Token;
        var lifetime = token.ExpiresIn < s_lifetime ? token.ExpiresIn : s_lifetime;
        var jwt = await jwts.CreateAsync(algorithm, settings.Audience, lifetime, token.Email, claims =>
        {
            claims.WriteString("email", token.Email);
            claims.WriteString("sid", token.SessionId);
        });
        return TypedResults.Json(new ExchangedToken(jwt, (long)lifetime.TotalSeconds));
    }

    private static async Task<IResult> RotateAsync(
        HttpContext context,
        [Description(
            "How long JWTs of the old keys stay valid after the new keys start to sign, in seconds: 0 to 315360000. Default: a week.")]
        string? overlap,
        [Description("true if a key was stolen: the new keys sign immediately, and JWTs of the old keys are invalid. Excludes overlap.")]
        string? now,
        KeyRing ring,
        AuditLog audit)
    {
        if (!KeyRotationRequest.TryRead(overlap, now, out var request, out var problem))
            return Problem.Result(StatusCodes.Status400BadRequest, "bad_request", problem);
        var rotation = await ring.RotateAsync(request.Overlap, request.AtOnce);
        audit.WriteByAdmin(AuditEvent.KeysRotated, null, ClientAddress.Of(context), request.AtOnce
            ? "at_once" : $"overlap:{(long)request.Overlap.TotalSeconds}", "key");
        return TypedResults.Json(new RotatedKeys(rotation.NewKids, rotation.ActiveFrom, rotation.OldUntil));
    }

    internal sealed record ExchangedToken(
        [property: JsonPropertyName("token"), Description("The JWT.")] string Token,
        [property: JsonPropertyName("expires_in"), Range(0, 300), Description("Seconds.")] long ExpiresIn)
    {
        public override string ToString() => nameof(ExchangedToken);
    }

    internal sealed record RotatedKeys(
        [property: JsonPropertyName("kids"), Description("The ids of the new keys.")] IReadOnlyList<string> Kids,
        [property: JsonPropertyName("active_from"), Description("When the new keys start to sign.")] DateTimeOffset ActiveFrom,
        [property: JsonPropertyName("old_until"), Description("Until when JWTs of the old keys are valid.")] DateTimeOffset OldUntil);

    /// <summary>Describes <see cref="SigningKey.ToJwk"/>.</summary>
    internal sealed record PublishedKey(
        [property: JsonPropertyName("kty"), AllowedValues("OKP", "RSA", "EC")] string Type,
        [property: JsonPropertyName("crv"), AllowedValues("Ed25519", "P-256"), Description("For OKP and EC keys.")] string? Curve,
        [property: JsonPropertyName("x"), Description("For OKP and EC keys.")] string? X,
        [property: JsonPropertyName("y"), Description("For EC keys.")] string? Y,
        [property: JsonPropertyName("n"), Description("For RSA keys.")] string? Modulus,
        [property: JsonPropertyName("e"), Description("For RSA keys.")] string? Exponent,
        [property: JsonPropertyName("alg"), AllowedValues("EdDSA", "RS256", "ES256")]
        [property: Description("The algorithm of this key.")]
        string Algorithm,
        [property: JsonPropertyName("use"), AllowedValues("sig")] string Use,
        [property: JsonPropertyName("kid"), Description("The kid in the header of JWTs signed by this key.")] string Kid);

    internal sealed record PublishedKeys([property: JsonPropertyName("keys")] IReadOnlyList<PublishedKey> Keys);

    // Created at startup, so that verifiers find keys. If the store is unavailable, they are created when needed.
    internal sealed partial class FirstKeys(KeyRing ring, ILogger<FirstKeys> logger) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            try
            {
                await ring.EnsureAsync();
            }
            catch (Exception e) when (StoreFailure.Is(e) || stoppingToken.IsCancellationRequested)
            {
                Later(e.GetType().Name);
            }
        }

        [LoggerMessage(Level = LogLevel.Warning, Message = "Could not read the JWT keys: the store is unavailable ({Error})")]
        private partial void Later(string error);
    }
}

/// <summary>The parameters of a key rotation.</summary>
/// <param name="Overlap">How long JWTs of the old keys stay valid after the new keys start signing; 0 s to 10 years.</param>
/// <param name="AtOnce">Whether JWTs of the old keys become invalid immediately.</param>
internal sealed record KeyRotationRequest(TimeSpan Overlap, bool AtOnce)
{
    private const long MaxOverlap = 315_360_000;

    public static bool TryRead(string? overlap, string? now, out KeyRotationRequest request, out string complaint)
    {
        // The default is one week.
        request = new KeyRotationRequest(TimeSpan.FromDays(7), AtOnce: false);
        complaint = "";
        if (overlap is not null)
        {
            if (!long.TryParse(overlap, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > MaxOverlap)
            {
                complaint = $"overlap must be between 0 and {MaxOverlap} seconds.";
                return false;
            }
            request = request with { Overlap = TimeSpan.FromSeconds(seconds) };
        }
        if (now is null or "false") return true;
        if (now != "true" || overlap is not null)
        {
            complaint = "now must be true or false, and cannot be combined with overlap.";
            return false;
        }
        request = new KeyRotationRequest(TimeSpan.Zero, AtOnce: true);
        return true;
    }
}
