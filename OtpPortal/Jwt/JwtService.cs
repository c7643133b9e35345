using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace OtpPortal.Jwt;

/// <summary>The outcome of verifying a JWT.</summary>
public abstract record JwtOutcome
{
    private JwtOutcome() { }

    /// <summary>The portal issued the JWT for this audience, and it has not expired.</summary>
    public sealed record Good(JsonElement Claims) : JwtOutcome;

    /// <param name="Reason">A sentence for the client; it contains nothing of the token.</param>
    public sealed record Bad(string Reason) : JwtOutcome;
}

/// <summary>Creates JWTs and verifies the portal's own (RFC 7519, RFC 7515; rules of RFC 8725).</summary>
/// <param name="issuer">The issuer: PUBLIC_URL in the form of an Origin header.</param>
public sealed class JwtService(KeyRing ring, JwtAlgorithms algorithms, string issuer, TimeProvider time)
{
    /// <summary>
    /// The claims that only the portal may set (RFC 7519, 4.1): a caller that set them could impersonate any user.
    /// </summary>
    public static readonly IReadOnlyList<string> RegisteredClaims = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

    // Tolerates clock differences between replicas: a new JWT of one must not be in the future for another.
    private static readonly TimeSpan s_skew = TimeSpan.FromSeconds(10);

    // Headers by which a token would choose its own key or demand unknown rules (RFC 8725, 3.10; RFC 7515, 4.1.11).
    private static readonly string[] s_refusedHeaders = ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "zip", "b64"];

    private static readonly JsonWriterOptions s_writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The <c>iss</c> claim of every token.</summary>
    public string Issuer => issuer;

    /// <summary>The supported signature algorithms. Requests for others are rejected with an error.</summary>
    public JwtAlgorithms Algorithms => algorithms;

    /// <summary>Creates a signed token.</summary>
    /// <param name="algorithm">One of <see cref="Algorithms"/>.</param>
    /// <param name="lifetime">The lifetime from now, in whole seconds.</param>
    /// <param name="subject">The <c>sub</c> claim, or null for none.</param>
    /// <param name="claims">Additional claims; registered claims are not allowed.</param>
    public async Task<string> CreateAsync(
        string algorithm, string audience, TimeSpan lifetime, string? subject, Action<Utf8JsonWriter> claims)
    {
        var key = await ring.SigningAsync(algorithm);
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var payload = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(payload, s_writing))
        {
            json.WriteStartObject();
            claims(json);
            json.WriteString("iss", issuer);
            if (subject is not null) json.WriteString("sub", subject);
            // An array, as in magiclinksdev; verifiers accept both forms (RFC 7519, 4.1.3).
            json.WriteStartArray("aud");
            json.WriteStringValue(audience);
            json.WriteEndArray();
            json.WriteNumber("exp", now + (long)lifetime.TotalSeconds);
            json.WriteNumber("nbf", now);
            json.WriteNumber("iat", now);
            json.WriteString("jti", Guid.NewGuid());
            json.WriteEndObject();
        }
        var signed = key.Header + "." + JwtText.Encode(payload.WrittenSpan);
        return signed + "." + JwtText.Encode(key.Key.Sign(Encoding.ASCII.GetBytes(signed)));
    }

    /// <summary>Creates a signed token with the claims of a JSON object.</summary>
    public Task<string> CreateAsync(string algorithm, string audience, TimeSpan lifetime, string? subject, JsonElement claims) =>
        CreateAsync(algorithm, audience, lifetime, subject, json =>
        {
            foreach (var claim in claims.EnumerateObject()) claim.WriteTo(json);
        });

    /// <summary>Verifies a token that the portal created for <paramref name="audience"/>.</summary>
    public async Task<JwtOutcome> VerifyAsync(string token, string audience)
    {
        if (token.Length > JwtText.MaxLength) return new JwtOutcome.Bad("it is too long");
        if (token.Split('.') is not [var first, var second, var third]) return new JwtOutcome.Bad("it does not have three parts");
        if (JwtText.Decode(first) is not { } headerBytes || JwtText.ParseObject(headerBytes) is not { } header)
        {
            return new JwtOutcome.Bad("its header is invalid");
        }
        if (JwtText.Decode(third) is not { } signature) return new JwtOutcome.Bad("its signature is malformed");
        foreach (var name in s_refusedHeaders)
        {
            if (header.TryGetProperty(name, out _)) return new JwtOutcome.Bad($"its header has {name}, which is not supported");
        }
        if (Text(header, "typ") is { } type && !string.Equals(type, "JWT", StringComparison.OrdinalIgnoreCase))
        {
            return new JwtOutcome.Bad("its typ is not JWT");
        }
        if (Text(header, "kid") is not { Length: > 0 and <= 100 } kid) return new JwtOutcome.Bad("its header has no kid");
        if (await ring.FindAsync(kid) is not { } key) return new JwtOutcome.Bad("its kid is not a current key of the portal");
        // The key determines the algorithm, and the token must match: otherwise alg=none, or HS256 with the public key as the
        // secret, would pass.
        if (Text(header, "alg") != key.Algorithm) return new JwtOutcome.Bad("its alg is not the algorithm of its key");
        if (!key.Key.Verify(Encoding.ASCII.GetBytes(token, 0, first.Length + 1 + second.Length), signature))
        {
            return new JwtOutcome.Bad("its signature is wrong");
        }

        // From here on the content is authentic.
        if (JwtText.Decode(second) is not { } claimBytes || JwtText.ParseObject(claimBytes) is not { } claims)
        {
            return new JwtOutcome.Bad("its claims are invalid");
        }
        if (Text(claims, "iss") != issuer) return new JwtOutcome.Bad("its issuer is wrong");
        if (!IsFor(claims, audience)) return new JwtOutcome.Bad("its audience is wrong");
        var now = time.GetUtcNow();
        if (Number(claims, "exp") is not { } ends || now.ToUnixTimeSeconds() >= ends) return new JwtOutcome.Bad("it has expired");
        if (Number(claims, "nbf") is { } starts && (now + s_skew).ToUnixTimeSeconds() < starts)
        {
            return new JwtOutcome.Bad("it is not valid yet");
        }
        return new JwtOutcome.Good(claims);
    }

    private static bool IsFor(JsonElement claims, string audience) =>
        claims.TryGetProperty("aud", out var aud) && aud.ValueKind switch
        {
            JsonValueKind.String => aud.GetString() == audience,
            JsonValueKind.Array => aud.EnumerateArray().Any(each => each.ValueKind == JsonValueKind.String && each.GetString() == audience),
            _ => false,
        };

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
            ? number : null;
}
