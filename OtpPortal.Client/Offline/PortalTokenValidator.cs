using System.Globalization;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace OtpPortal.Client;

/// <summary>
/// Verifies the JWTs of a portal's <c>GET /token</c> without asking the portal about each: its public keys are fetched now and then. It may
/// be used by any number of threads, and should live as long as the app, because it keeps the keys.
/// </summary>
/// <remarks>
/// <para>
/// It verifies EdDSA (Ed25519), RS256 and ES256. EdDSA, the portal's default, needs OpenSSL 3, which .NET on Linux uses anyway.
/// Elsewhere, ask for <c>GET /token?alg=RS256</c>.
/// </para>
/// <para>A JWT is good until its end, five minutes after it was made, also when the session is revoked meanwhile.</para>
/// </remarks>
public sealed class PortalTokenValidator
{
    private static readonly string[] s_algorithms =
        [Ed25519SecurityKey.EdDsa, SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256];

    // The token's author chose the keys that these name or contain. The library does not check "crit".
    private static readonly string[] s_refusedHeaders = ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "zip", "b64"];

    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = 16 * 1024 };
    private readonly PortalTokenOptions _options;
    private readonly PortalKeys _keys;
    private readonly TimeProvider _time;
    private readonly TokenValidationParameters _parameters;

    /// <summary>
    /// A validator with an <see cref="HttpClient"/> of the caller's; <c>services.AddOtpPortalTokenValidator(…)</c> makes one, too.
    /// </summary>
    /// <param name="http">Best over <see cref="OtpPortalClient.CreateHandler"/>.</param>
    /// <param name="options">Whose JWTs are good, and for whom they must be.</param>
    /// <param name="time">Tells what is over; <see cref="TimeProvider.System"/> outside tests.</param>
    /// <exception cref="ArgumentException">An option is not allowed; the message names it.</exception>
    public PortalTokenValidator(HttpClient http, PortalTokenOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        OptionChecks.ThrowIfAny(options.Complaints(), nameof(options));
        (_options, _time) = (options, time);
        _parameters = new TokenValidationParameters
        {
            ValidIssuer = OriginOf(options.Url!),
            ValidAudience = options.Audience,
            ValidAlgorithms = s_algorithms,
            // The portal's keys sign only these. A token of another kind would have another type (RFC 8725, 3.11).
            ValidTypes = ["JWT"],
            LifetimeValidator = CheckLifetime,
            TryAllIssuerSigningKeys = false,
        };
        _keys = new PortalKeys(new PortalHttp(http, options.BackchannelUrl ?? options.Url!, options.Timeout), time);
    }

    /// <summary>Verifies a JWT: its signature, who made it, for whom, and when.</summary>
    /// <param name="jwt">What the bearer brought.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="OtpPortalException">The keys that it takes are not at hand, and the portal does not give them.</exception>
    public async Task<TokenValidation> ValidateAsync(string jwt, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(jwt);
        if (Read(jwt) is not { } token) return new TokenValidation.Invalid("It is not a JWT.");
        if (Complaint(token) is { } complaint) return new TokenValidation.Invalid(complaint);
        if (await _keys.FindAsync(token.Kid, stop) is not { } key)
        {
            return new TokenValidation.Invalid("The key is not a key of the portal.");
        }
        // The key decides which algorithm is used. If the token did, an attacker would choose.
        if (key.Algorithm != token.Alg) return new TokenValidation.Invalid("The algorithm does not match the key.");
        var parameters = _parameters.Clone();
        parameters.IssuerSigningKey = key.Key;
        var result = await _handler.ValidateTokenAsync(token, parameters);
        if (!result.IsValid) return new TokenValidation.Invalid(ReasonOf(result.Exception));
        return StrictJson.TryReadObject(Base64UrlEncoder.DecodeBytes(token.EncodedPayload)) is { } claims
            ? ReadUser(token, claims)
            : new TokenValidation.Invalid("It is not a JWT.");
    }

    // As browsers write it, and the portal too: a name in ASCII, no port where it is the usual one.
    private static string OriginOf(Uri url) =>
        $"{url.Scheme}://{(url.HostNameType == UriHostNameType.Dns ? url.IdnHost : url.Host)}"
        + (url.IsDefaultPort ? "" : ":" + url.Port.ToString(CultureInfo.InvariantCulture));

    private JsonWebToken? Read(string jwt)
    {
        try
        {
            return _handler.CanReadToken(jwt) ? _handler.ReadJsonWebToken(jwt) : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    // What can be said before the keys are needed.
    private static string? Complaint(JsonWebToken token)
    {
        if (token.IsEncrypted) return "It is not a JWT.";
        if (s_refusedHeaders.FirstOrDefault(name => token.TryGetHeaderValue<object>(name, out _)) is { } refused)
        {
            return $"The header parameter {refused} is not supported.";
        }
        if (token.Alg == Ed25519SecurityKey.EdDsa && !Ed25519.IsAvailable)
        {
            return "EdDSA requires OpenSSL 3. Install it, or request a JWT with GET /token?alg=RS256.";
        }
        if (!s_algorithms.Contains(token.Alg)) return "The algorithm must be EdDSA, RS256 or ES256.";
        return string.IsNullOrEmpty(token.Kid) ? "The header has no kid." : null;
    }

    private static string ReasonOf(Exception failure) => failure switch
    {
        SecurityTokenInvalidSignatureException => "The signature is invalid.",
        SecurityTokenInvalidIssuerException => "The issuer is wrong.",
        SecurityTokenInvalidAudienceException => "The audience is wrong.",
        SecurityTokenExpiredException => "The JWT has expired.",
        SecurityTokenNotYetValidException => "The JWT is not valid yet.",
        SecurityTokenInvalidLifetimeException => "The JWT has no expiry.",
        SecurityTokenInvalidTypeException => "The typ is not JWT.",
        _ => "The JWT cannot be verified.",
    };

    // The library's own check reads the system's clock.
    private bool CheckLifetime(DateTime? notBefore, DateTime? expires, SecurityToken token, TokenValidationParameters parameters)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        if (notBefore is null || expires is null) throw new SecurityTokenInvalidLifetimeException();
        if (now >= DateTimeUtil.Add(expires.Value, _options.ClockSkew)) throw new SecurityTokenExpiredException();
        if (now < DateTimeUtil.Add(notBefore.Value, -_options.ClockSkew)) throw new SecurityTokenNotYetValidException();
        return true;
    }

    private static TokenValidation ReadUser(JsonWebToken token, JsonElement claims)
    {
        // Service accounts make JWTs with claims of their own and the same keys, but the portal lets none of them set the subject.
        if (Text(claims, "sub") is not { Length: > 0 } subject || Text(claims, "email") != subject
            || Text(claims, "sid") is not { Length: > 0 } session)
        {
            return new TokenValidation.Invalid("The JWT is not for a signed-in user.");
        }
        return new TokenValidation.Valid(subject, session, new DateTimeOffset(token.ValidTo, TimeSpan.Zero), claims);
    }

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>Whether a JWT is good.</summary>
public abstract record TokenValidation
{
    private TokenValidation() { }

    /// <summary>It is.</summary>
    /// <param name="Email">Who was signed in when it was made.</param>
    /// <param name="SessionId">In which session: <see cref="PortalSession.Id"/>.</param>
    /// <param name="ExpiresAt">When it ends.</param>
    /// <param name="Claims">All its claims, a JSON object.</param>
    public sealed record Valid(string Email, string SessionId, DateTimeOffset ExpiresAt, JsonElement Claims) : TokenValidation;

    /// <summary>It is not.</summary>
    /// <param name="Reason">Why, for the log; the bearer need not know.</param>
    public sealed record Invalid(string Reason) : TokenValidation;
}
