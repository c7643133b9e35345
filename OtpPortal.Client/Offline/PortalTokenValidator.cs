using System.Globalization;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace OtpPortal.Client;

/// <summary>
/// Verifies the JWTs of a portal's <c>GET /token</c> with cached public keys, without calling the portal for each JWT.
/// Thread-safe. Should be a singleton, because it caches the keys.
/// </summary>
/// <remarks>
/// <para>
/// Supports EdDSA (Ed25519), RS256 and ES256. EdDSA, the portal's default, requires OpenSSL 3, which .NET on Linux uses anyway.
/// On other platforms, use <c>GET /token?alg=RS256</c>.
/// </para>
/// <para>A JWT is valid for five minutes, even if the session is revoked in the meantime.</para>
/// </remarks>
public sealed class PortalTokenValidator
{
    private static readonly string[] s_algorithms =
        [Ed25519SecurityKey.EdDsa, SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256];

    // An attacker controls the keys that these headers name or contain. The library does not check "crit".
    private static readonly string[] s_refusedHeaders = ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "zip", "b64"];

    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = 16 * 1024 };
    private readonly PortalTokenOptions _options;
    private readonly PortalKeys _keys;
    private readonly TimeProvider _time;
    private readonly TokenValidationParameters _parameters;

    /// <summary>
    /// Creates a validator that uses the caller's <see cref="HttpClient"/>. <c>services.AddOtpPortalTokenValidator(…)</c>
    /// registers one.
    /// </summary>
    /// <param name="http">Should use <see cref="OtpPortalClient.CreateHandler"/>.</param>
    /// <param name="options">The required issuer and audience.</param>
    /// <param name="time">The clock; <see cref="TimeProvider.System"/> except in tests.</param>
    /// <exception cref="ArgumentException">An option is invalid; the message names it.</exception>
    public PortalTokenValidator(HttpClient http, PortalTokenOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        OptionChecks.ThrowIfAny(options.GetErrors(), nameof(options));
        (_options, _time) = (options, time);
        _parameters = new TokenValidationParameters
        {
            ValidIssuer = OriginOf(options.Url!),
            ValidAudience = options.Audience,
            ValidAlgorithms = s_algorithms,
            // The portal's keys sign only this type. Other kinds of tokens would have another type (RFC 8725, 3.11).
            ValidTypes = ["JWT"],
            LifetimeValidator = CheckLifetime,
            TryAllIssuerSigningKeys = false,
        };
        _keys = new PortalKeys(new PortalHttp(http, options.BackchannelUrl ?? options.Url!, options.Timeout), time);
    }

    /// <summary>Verifies the signature, issuer, audience and lifetime of a JWT.</summary>
    /// <param name="jwt">The JWT from the client.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="OtpPortalException">The required keys are not cached, and the portal cannot be reached.</exception>
    public async Task<TokenValidation> ValidateAsync(string jwt, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(jwt);
        if (Read(jwt) is not { } token) return new TokenValidation.Invalid("It is not a JWT.");
        if (Complaint(token) is { } complaint) return new TokenValidation.Invalid(complaint);
        if (await _keys.FindAsync(token.Kid, cancellationToken) is not { } key)
        {
            return new TokenValidation.Invalid("The key is not a key of the portal.");
        }
        // The key determines the algorithm. If the token did, an attacker could choose it.
        if (key.Algorithm != token.Alg) return new TokenValidation.Invalid("The algorithm does not match the key.");
        var parameters = _parameters.Clone();
        parameters.IssuerSigningKey = key.Key;
        var result = await _handler.ValidateTokenAsync(token, parameters);
        if (!result.IsValid) return new TokenValidation.Invalid(ReasonOf(result.Exception));
        return StrictJson.TryReadObject(Base64UrlEncoder.DecodeBytes(token.EncodedPayload)) is { } claims
            ? ReadUser(token, claims)
            : new TokenValidation.Invalid("It is not a JWT.");
    }

    // As browsers and the portal write it: the host in ASCII, without the default port.
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

    // The checks that do not require the keys.
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

    // The library's own check uses the system clock instead of TimeProvider.
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
        // Service accounts create JWTs with custom claims and the same keys, but the portal does not let them set the subject.
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

/// <summary>The outcome of verifying a JWT.</summary>
public abstract record TokenValidation
{
    private TokenValidation() { }

    /// <summary>The JWT is valid.</summary>
    /// <param name="Email">The email address of the user who was signed in when the JWT was created.</param>
    /// <param name="SessionId">The id of the session: <see cref="PortalSession.Id"/>.</param>
    /// <param name="ExpiresAt">When the JWT expires.</param>
    /// <param name="Claims">All of its claims as a JSON object.</param>
    public sealed record Valid(string Email, string SessionId, DateTimeOffset ExpiresAt, JsonElement Claims) : TokenValidation;

    /// <summary>The JWT is invalid.</summary>
    /// <param name="Reason">The reason, for logs; do not show it to the client.</param>
    public sealed record Invalid(string Reason) : TokenValidation;
}
