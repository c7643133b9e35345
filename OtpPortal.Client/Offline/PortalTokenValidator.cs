using System.Globalization;
using System.Text.Json;

namespace OtpPortal.Client;

/// <summary>
/// Verifies the JWTs of a portal's <c>GET /token</c> without asking the portal about each: its public keys are fetched now and then. It may be
/// used by any number of threads, and should live as long as the app, because it keeps the keys.
/// </summary>
/// <remarks>
/// <para>It verifies RS256 and ES256. .NET 10 has no Ed25519, which the portal signs with by default, so ask for <c>GET /token?alg=RS256</c>.</para>
/// <para>A JWT is good until its end, five minutes after it was made, also when the session is revoked meanwhile.</para>
/// </remarks>
public sealed class PortalTokenValidator
{
    private readonly PortalTokenOptions _options;
    private readonly PortalKeys _keys;
    private readonly TimeProvider _time;
    private readonly string _issuer;

    /// <summary>A validator with an <see cref="HttpClient"/> of the caller's; <c>services.AddOtpPortalTokenValidator(…)</c> makes one, too.</summary>
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
        (_options, _time, _issuer) = (options, time, OriginOf(options.Url!));
        _keys = new PortalKeys(new PortalHttp(http, options.BackchannelUrl ?? options.Url!, options.Timeout), time);
    }

    /// <summary>Verifies a JWT: its signature, who made it, for whom, and when.</summary>
    /// <param name="jwt">What the bearer brought.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="OtpPortalException">The keys that it takes are not at hand, and the portal does not give them.</exception>
    public async Task<TokenValidation> ValidateAsync(string jwt, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(jwt);
        if (SignedJwt.Read(jwt, out var complaint) is not { } read) return new TokenValidation.Invalid(complaint);
        if (await _keys.FindAsync(read.KeyId, stop) is not { } key) return new TokenValidation.Invalid("The portal has no such key.");
        // The key says what it is for. If the JWT said it, an attacker would choose.
        if (key.Algorithm != read.Algorithm) return new TokenValidation.Invalid("The algorithm is not the key's.");
        return key.Verifies(read.Signed, read.Signature) ? Judge(read.Claims) : new TokenValidation.Invalid("The signature is wrong.");
    }

    // As browsers write it, and the portal too: a name in ASCII, no port where it is the usual one.
    private static string OriginOf(Uri url) =>
        $"{url.Scheme}://{(url.HostNameType == UriHostNameType.Dns ? url.IdnHost : url.Host)}{(url.IsDefaultPort ? "" : ":" + url.Port.ToString(CultureInfo.InvariantCulture))}";

    private TokenValidation Judge(JsonElement claims)
    {
        var now = _time.GetUtcNow();
        if (Text(claims, "iss") != _issuer) return new TokenValidation.Invalid("Another portal made it.");
        if (!IsForUs(claims)) return new TokenValidation.Invalid("It is for another audience.");
        if (Instant(claims, "exp") is not { } end || Instant(claims, "nbf") is not { } beginning) return new TokenValidation.Invalid("It does not say when it is good.");
        if (now >= end + _options.ClockSkew) return new TokenValidation.Invalid("It has expired.");
        if (now < beginning - _options.ClockSkew) return new TokenValidation.Invalid("It is not good yet.");
        // Service accounts make JWTs with claims of their own and the same keys, but the portal lets none of them set the subject.
        if (Text(claims, "sub") is not { Length: > 0 } subject || Text(claims, "email") != subject || Text(claims, "sid") is not { Length: > 0 } session)
        {
            return new TokenValidation.Invalid("It names nobody who is signed in.");
        }
        return new TokenValidation.Valid(subject, session, end, claims);
    }

    private bool IsForUs(JsonElement claims) => claims.TryGetProperty("aud", out var audience) && audience.ValueKind switch
    {
        JsonValueKind.String => audience.GetString() == _options.Audience,
        JsonValueKind.Array => audience.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.GetString() == _options.Audience),
        _ => false,
    };

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // Up to the year 9000, so that nothing overflows when the skew is added.
    private static DateTimeOffset? Instant(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seconds) && seconds is >= 0 and < 221_845_392_000
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;
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
