using System.Buffers.Text;
using Microsoft.IdentityModel.Tokens;

namespace OtpPortal.Client;

/// <summary>A public key of the portal, and the only algorithm that it may be used with.</summary>
internal sealed record PortalKey(SecurityKey Key, string Algorithm)
{
    private const int MinRsaBits = 2048;
    private const int MaxRsaBits = 8192;

    /// <summary>Parses a key. Returns null if this client does not support it; the other keys of the set still work.</summary>
    public static PortalKey? Read(JsonWebKey jwk)
    {
        if (string.IsNullOrEmpty(jwk.Kid) || jwk.Use is not (null or "" or "sig")) return null;
        // Microsoft.IdentityModel accepts RSA keys of 1024 bits.
        return (jwk.Kty, jwk.Alg, jwk.Crv) switch
        {
            ("RSA", null or SecurityAlgorithms.RsaSha256, _) when Convert(jwk) is { KeySize: >= MinRsaBits and <= MaxRsaBits } key
                => new PortalKey(key, SecurityAlgorithms.RsaSha256),
            ("EC", null or SecurityAlgorithms.EcdsaSha256, "P-256") when Convert(jwk) is { } key
                => new PortalKey(key, SecurityAlgorithms.EcdsaSha256),
            ("OKP", null or Ed25519SecurityKey.EdDsa, "Ed25519")
                when Ed25519.IsAvailable && Decode(jwk.X) is { Length: Ed25519.PublicKeyLength } x
                => new PortalKey(new Ed25519SecurityKey(jwk.Kid, x), Ed25519SecurityKey.EdDsa),
            _ => null,
        };
    }

    private static SecurityKey? Convert(JsonWebKey jwk) => JsonWebKeyConverter.TryConvertToSecurityKey(jwk, out var key) ? key : null;

    private static byte[]? Decode(string? text) => text is not null && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
}
