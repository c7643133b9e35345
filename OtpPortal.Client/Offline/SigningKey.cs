using System.Security.Cryptography;
using System.Text.Json;

namespace OtpPortal.Client;

/// <summary>A public key of the portal (RFC 7517), and the one algorithm that it is for.</summary>
internal abstract record SigningKey(string Id, string Algorithm)
{
    private const int MinRsaBits = 2048;
    private const int MaxRsaBits = 8192;

    public abstract bool Verifies(byte[] data, byte[] signature);

    /// <summary>Null for a key of another kind or use, and for one that is not in order: the others are good all the same.</summary>
    public static SigningKey? Read(JsonElement jwk)
    {
        if (jwk.ValueKind != JsonValueKind.Object || Text(jwk, "kid") is not { Length: > 0 } id || Text(jwk, "use") is not (null or "sig")) return null;
        try
        {
            return (Text(jwk, "kty"), Text(jwk, "alg")) switch
            {
                ("RSA", null or "RS256") => ReadRsa(id, jwk),
                ("EC", null or "ES256") when Text(jwk, "crv") == "P-256" => ReadEc(id, jwk),
                _ => null,
            };
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static Rsa? ReadRsa(string id, JsonElement jwk)
    {
        if (Bytes(jwk, "n") is not { } modulus || Bytes(jwk, "e") is not { } exponent) return null;
        var parameters = new RSAParameters { Modulus = modulus, Exponent = exponent };
        using var key = RSA.Create(parameters);
        return key.KeySize is >= MinRsaBits and <= MaxRsaBits ? new Rsa(id, parameters) : null;
    }

    private static Ec? ReadEc(string id, JsonElement jwk)
    {
        if (Bytes(jwk, "x") is not { Length: 32 } x || Bytes(jwk, "y") is not { Length: 32 } y) return null;
        var parameters = new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } };
        // A point that is not on the curve is refused here.
        using var _ = ECDsa.Create(parameters);
        return new Ec(id, parameters);
    }

    private static string? Text(JsonElement jwk, string name) =>
        jwk.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.String ? value.GetString() : "" : null;

    private static byte[]? Bytes(JsonElement jwk, string name) => Text(jwk, name) is { } text ? SignedJwt.Decode(text) : null;

    // A key object is made for each verification: the framework does not say that one may be used by several threads.
    private sealed record Rsa(string Id, RSAParameters Parameters) : SigningKey(Id, "RS256")
    {
        public override bool Verifies(byte[] data, byte[] signature)
        {
            using var key = RSA.Create(Parameters);
            return key.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
    }

    private sealed record Ec(string Id, ECParameters Parameters) : SigningKey(Id, "ES256")
    {
        // RFC 7518, 3.4: the two numbers side by side, not the form of certificates.
        public override bool Verifies(byte[] data, byte[] signature)
        {
            using var key = ECDsa.Create(Parameters);
            return key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }
}
